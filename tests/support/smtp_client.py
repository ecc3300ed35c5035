"""SMTP from outside: what the bridge answers, and what it kept."""

from support.cast import Cast
from support.sql import column

from mailtalk import sealed_mail
from mailtalk.conversations import conversations
from mailtalk.keys import Keyring
from mailtalk.participation import addresses
from mailtalk.vocabulary import Purpose

DOMAIN = "reply.localhost"
NOBODY = (550, b"5.1.1 No such mailbox here")
LATER = (451, b"4.3.0 Temporary server failure, try again later")
KEPT = (250, b"2.0.0 OK: queued")
MAIL = b"From: bob@example.com\r\nSubject: hi\r\n\r\nHello\r\n"


def address_of(cast: Cast, keyring: Keyring, user: str, purpose: Purpose = Purpose.REPLY) -> str:
    with cast.database.transaction() as session:
        row = conversations.participant(session, cast.participant(user))
        return f"{addresses.issue(session, keyring, row, purpose)}@{DOMAIN}"


def kept(cast: Cast) -> list[bytes]:
    keyring = Keyring.from_setting("k" * 32)
    sealed = column(cast.database, "SELECT sealed FROM raw_mails ORDER BY id")
    return [sealed_mail.unseal(keyring, bytes(each), "raw-mail") for each in sealed]
