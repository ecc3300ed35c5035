"""Inbound mail step by step: what a test receives, and processes in batches of the size that it wants."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session
from support.cast import QUICK, Cast
from support.sql import column, rows

from mailtalk import clock
from mailtalk.conversations import conversations
from mailtalk.inbound import receive
from mailtalk.inbound.claim import BATCH, Turn
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.receive import Arrival
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.participation import addresses
from mailtalk.participation.addresses import Bearer
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Purpose
from worker.mail_processor import MailProcessor
from worker.parser_pool import ParserPool

DOMAIN = "reply.localhost"
BASE = "https://talk.example"
READERS = ParserPool()  # their processes serve all tests
READ, NONE = Request(ChangeKind.UPDATE, Access.READ), Request(ChangeKind.UPDATE, Access.NONE)
LEAVE, ROTATE = Request(ChangeKind.LEAVE), Request(ChangeKind.ROTATE)
OUTCOMES = "SELECT outcome, reason FROM inbound_mails ORDER BY id"
JUDGED = "SELECT outcome, verdict, reason FROM inbound_mails ORDER BY id"
TEXTS = "SELECT text FROM messages ORDER BY seq"


def mail(text: str = "Hello from Bob", head: str = "", sender: str = "bob@example.com") -> bytes:
    return f"From: {sender}\r\nSubject: Re: Hello\r\n{head}\r\n{text}\r\n".encode()


@dataclass(frozen=True)
class Box:
    """The cast's inbox."""

    cast: Cast
    keyring: Keyring
    readers: ParserPool = READERS
    rules: dict[str, Any] = field(default_factory=dict)  # of the context

    def address(self, user: str, purpose: Purpose = Purpose.REPLY) -> str:
        with self.cast.database.transaction() as session:
            row = conversations.participant(session, self.cast.participant(user))
            return f"{addresses.issue(session, self.keyring, row, purpose)}@{DOMAIN}"

    def admit(self, mailbox: str, keyring: Keyring | None = None) -> Bearer | None:
        with self.cast.database.transaction() as session:
            return admit(session, keyring or self.keyring, mailbox)

    def bearer(self, user: str, purpose: Purpose = Purpose.REPLY) -> Bearer:
        found = self.admit(self.address(user, purpose))
        assert found is not None
        return found

    def receive(self, raw: bytes, *bearers: Bearer, mail_from: str = "bob@example.com") -> None:
        with self.cast.database.transaction() as session:
            receive.receive(session, self.keyring, [Arrival(mail_from, bearers, raw, clock.now())])

    @property
    def context(self) -> InboundContext:
        sender = f"notify@{DOMAIN}"
        return InboundContext(self.keyring, DOMAIN, QUICK, self.readers, sender=sender, base_url=BASE, **self.rules)

    def processor(self, worker_id: int = 1) -> MailProcessor:
        return MailProcessor(self.cast.database, self.context, lambda: worker_id, lambda _decided: None)

    def process(self, most: int = BATCH, *, proving: bool = False, worker_id: int = 1) -> bool:
        """Process one batch; tells whether there was one."""
        with closing(self.processor(worker_id)) as processor:
            return bool(processor.step(Turn(proving, most=most)))

    def outcomes(self) -> list[tuple[str, str]]:
        while self.process():
            pass
        return [(row.outcome, row.reason) for row in rows(self.cast.database, OUTCOMES)]

    def judged(self) -> list[tuple[str, str, str | None]]:
        self.outcomes()
        return [(row.outcome, row.verdict, row.reason) for row in rows(self.cast.database, JUDGED)]

    def texts(self) -> Sequence[str]:
        return column(self.cast.database, TEXTS)


def admit(session: Session, keyring: Keyring, mailbox: str) -> Bearer | None:
    """The bridge's answer to a recipient, by a look-up of its own."""
    recipient = receive.recognise(keyring, mailbox, DOMAIN)
    return addresses.find(session, keyring, address.split(mailbox)[0]) if isinstance(recipient, bytes) else recipient


def quarantined(cast: Cast, user: str) -> str:
    """A mail of this user's in quarantine, straight into the tables; gives its id on the wire."""
    keyring = Keyring.from_setting("k" * 32)
    raw = rows(
        cast.database,
        """INSERT INTO raw_mails (sealed, mail_from, received_at) VALUES (:sealed, '', now()) RETURNING id""",
        sealed=keyring.seal(mail(), about="raw-mail"),
    )[0][0]
    mail_id = rows(
        cast.database,
        """INSERT INTO inbound_mails (raw_id, app_id, conversation_id, user_id, purpose, outcome, verdict, reason,
            received_at) VALUES (:raw, :app, :conversation, :user, 'reply', 'quarantined', 'sender', 'x', now())
        RETURNING id""",
        raw=raw,
        app=cast.app_id,
        conversation=cast.conversation,
        user=user,
    )[0][0]
    return f"mail_{mail_id}"
