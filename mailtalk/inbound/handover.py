"""Handover: mail that comes another way than by SMTP (a pipe, a provider's request), stored in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk.errors import Unavailable
from mailtalk.inbound import receive
from mailtalk.inbound.receive import Arrival
from mailtalk.keys import Keyring
from mailtalk.participation import addresses
from mailtalk.participation.addresses import Bearer


@dataclass(frozen=True, slots=True)
class HandedMail:
    """A mail with its envelope; the client's address is not known, so SPF is what a verified provider says, if any."""

    mail_from: str
    recipients: Sequence[str]
    raw: bytes
    spf: str | None = None


def store(session: Session, keyring: Keyring, domain: str, mail: HandedMail, now: datetime) -> list[str]:
    """Store a mail for its recipients that are ours; returns the others.

    Unavailable while an unknown recipient may be one whose key is missing.
    """
    bearers = _bearers(session, keyring, domain, mail.recipients)
    known = tuple(dict.fromkeys(bearer for bearer in bearers.values() if bearer is not None))
    unknown = [mailbox for mailbox, bearer in bearers.items() if bearer is None]
    if any(receive.may_be_ours(mailbox, domain) for mailbox in unknown) and addresses.missing_keys(session, keyring):
        raise Unavailable("live addresses were made with a key that MAILTALK_SECRET_KEY does not hold")
    if known:
        receive.receive(session, keyring, [Arrival(mail.mail_from, known, mail.raw, now, spf=mail.spf)])
    return unknown


def _bearers(session: Session, keyring: Keyring, domain: str, mailboxes: Sequence[str]) -> dict[str, Bearer | None]:
    recognised = {mailbox: receive.recognise(keyring, mailbox, domain) for mailbox in mailboxes}
    hashes = [each for each in recognised.values() if isinstance(each, bytes)]
    found = addresses.find_many(session, hashes)
    return {mailbox: found.get(each) if isinstance(each, bytes) else each for mailbox, each in recognised.items()}
