"""Inbound mail by hand: an inbox whose doors and desk the test works itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from asking import column, rows
from cast import QUICK, Cast

from mailtalk import addresses, clock, conversations, inbound
from mailtalk.addresses import Bearer
from mailtalk.inbound import Arrival, Desk
from mailtalk.keys import Keyring
from mailtalk.participation import Request
from mailtalk.vocabulary import Access, ChangeKind, Purpose
from worker.reader import Readers

DOMAIN = "reply.localhost"
READERS = Readers()  # their processes serve all tests
READ, NONE = Request(ChangeKind.UPDATE, Access.READ), Request(ChangeKind.UPDATE, Access.NONE)
LEAVE, ROTATE = Request(ChangeKind.LEAVE), Request(ChangeKind.ROTATE)
OUTCOMES = "SELECT outcome, reason FROM inbound_mails ORDER BY id"
FIRST = "SELECT 1 FROM inbound_mails WHERE id = (SELECT min(id) FROM inbound_mails)"
TEXTS = "SELECT text FROM messages ORDER BY seq"


def mail(text: str = "Hello from Bob", head: str = "", sender: str = "bob@example.com") -> bytes:
    return f"From: {sender}\r\nSubject: Re: Hello\r\n{head}\r\n{text}\r\n".encode()


@dataclass(frozen=True)
class Box:
    """The cast's inbox."""

    cast: Cast
    keyring: Keyring
    readers: Readers = READERS

    def address(self, user: str, purpose: Purpose = Purpose.REPLY) -> str:
        with self.cast.database.transaction() as session:
            row = conversations.participant(session, self.cast.app_id, "hello", user)
            return f"{addresses.issue(session, self.keyring, row, purpose)}@{DOMAIN}"

    def admit(self, mailbox: str, keyring: Keyring | None = None) -> Bearer | None:
        with self.cast.database.transaction() as session:
            return inbound.admit(session, keyring or self.keyring, mailbox, DOMAIN)

    def bearer(self, user: str, purpose: Purpose = Purpose.REPLY) -> Bearer:
        found = self.admit(self.address(user, purpose))
        assert found is not None
        return found

    def receive(self, raw: bytes, *bearers: Bearer, mail_from: str = "bob@example.com") -> None:
        with self.cast.database.transaction() as session:
            inbound.receive(session, self.keyring, [Arrival(mail_from, bearers, raw, clock.now())])

    def process(self) -> bool:
        desk = Desk(self.keyring, DOMAIN, QUICK, self.readers)
        with self.cast.database.transaction() as session:
            return inbound.process(session, desk, clock.now()) is not None

    def outcomes(self) -> list[tuple[str, str]]:
        while self.process():
            pass
        return [(row.outcome, row.reason) for row in rows(self.cast.database, OUTCOMES)]

    def texts(self) -> Sequence[str]:
        return column(self.cast.database, TEXTS)
