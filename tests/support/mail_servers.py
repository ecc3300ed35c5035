"""The world around a bridge: mail servers that pass mails on, and programs that answer them without being asked."""

import email
import email.policy
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from itertools import count
from typing import Any

from support.smtp_sink import Sink, sinking

Answer = Callable[[Any, str], EmailMessage | None]
_NUMBERS = count()


@dataclass
class World:
    """Takes our mails; some readers have a program that answers each, some domains are other bridges."""

    responders: dict[str, Answer] = field(default_factory=dict)
    bridges: dict[str, tuple[str, int]] = field(default_factory=dict)
    mails: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sink: Sink = field(default_factory=Sink)
    _answered: int = 0

    def work(self) -> bool:
        """Pass on and answer what came since the last time; False when that was nothing."""
        taken = list(zip(self.sink.recipients, self.sink.mails, strict=False))[self._answered :]
        for reader, raw in taken:
            self._answered += 1
            self._take(reader, raw)
        return bool(taken)

    def to(self, reader: str) -> int:
        """How many mails a reader got."""
        return sum(each == reader for each, _ in self.mails)

    def _take(self, reader: str, raw: bytes) -> None:
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        self.mails.append((reader, mail))
        domain = reader.rpartition("@")[2]
        if domain in self.bridges:
            self._hand_over(str(mail["From"].addresses[0].addr_spec), reader, raw)
        elif answer := self.responders.get(reader, lambda _mail, _reader: None)(mail, reader):
            to = (mail["Reply-To"] or mail["From"]).addresses[0].addr_spec
            sender = "" if "Auto-Submitted" in answer else reader
            self._hand_over(sender, to, answer.as_bytes(policy=email.policy.SMTP))

    def _hand_over(self, sender: str, to: str, raw: bytes) -> None:
        with smtplib.SMTP(*self.bridges[to.rpartition("@")[2]], local_hostname="mta.example", timeout=30) as client:
            try:
                client.sendmail(sender, [to], raw)
            except smtplib.SMTPRecipientsRefused:
                self.refused.append(to)


@contextmanager
def around() -> Iterator[World]:
    """A world whose relay listens."""
    with sinking() as sink:
        yield World(sink=sink)


def polite(mail: Any, reader: str) -> EmailMessage:
    """A vacation program as RFC 3834 wants it, but that it answers programs, too."""
    answer = rude(mail, reader)
    answer["Auto-Submitted"] = "auto-replied"
    return answer


def rude(mail: Any, reader: str) -> EmailMessage:
    """One that says nothing of what it is: its mail could be anybody's."""
    answer = EmailMessage()
    answer["From"], answer["To"] = reader, str(mail["Reply-To"] or mail["From"])
    answer["Subject"] = f"Re: {mail['Subject']}"
    answer["Message-ID"] = f"<vacation.{next(_NUMBERS)}@example.com>"
    answer["In-Reply-To"] = mail["Message-ID"]
    answer.set_content("I am on holiday until Monday.\n")
    return answer


def terse(mail: Any, reader: str) -> EmailMessage:
    """One that says nothing of what it is, in a word."""
    answer = rude(mail, reader)
    answer.set_content("Away.\n")
    return answer
