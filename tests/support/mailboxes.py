"""Where our mails end: in a relay that takes them, or captured; and what their readers see."""

import email
import email.policy
import json
import re
import threading
from base64 import b64decode
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from support.product import Stack, free_port


@dataclass(frozen=True)
class Mail:
    """A mail as its reader gets it."""

    reader: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        found: EmailMessage = email.message_from_bytes(self.raw, policy=email.policy.default)  # type: ignore[assignment]
        return found

    def header(self, name: str) -> str:
        return str(self.message[name] or "")

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body
        text: str = body.get_content()
        return text

    @property
    def reply_to(self) -> str:
        return _only(r"([^<>\s]+@\S+?)>?$", self.header("Reply-To"))

    @property
    def unsubscribe(self) -> str:
        return _only(r"<mailto:([^?>]+)", self.header("List-Unsubscribe"))


class Mailboxes(Protocol):
    """Where the mails end."""

    def mails(self) -> list[Mail]:
        """Give those that were seen at the last look."""
        ...

    def look(self) -> None:
        """Look again."""
        ...


class Captured:
    """The mails as `mailtalk mails --source --json` shows them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._mails: list[Mail] = []

    def mails(self) -> list[Mail]:
        return self._mails

    def look(self) -> None:
        rows = json.loads(self._stack.command("mails", "--source", "--json", "--limit", "1000"))
        self._mails = [Mail(row["address"], b64decode(row["source"])) for row in rows]


class Relay:
    """An SMTP server that takes our mails; `refusals` are its answers to some recipients."""

    def __init__(self, port: int | None = None) -> None:
        self.refusals: dict[str, str] = {}
        self.refused: list[str] = []
        self._mails: list[Mail] = []
        self._lock = threading.Lock()
        self._controller = Controller(self, hostname="127.0.0.1", port=port or free_port())
        self.port = self._controller.port
        self.url = f"smtp://127.0.0.1:{self._controller.port}"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def mails(self) -> list[Mail]:
        with self._lock:
            return list(self._mails)

    def look(self) -> None:
        """Nothing to do: it sees every mail at once."""

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refusals:
            self.refused.append(address)
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.original_content, bytes)
        with self._lock:
            self._mails += [Mail(reader, envelope.original_content) for reader in envelope.rcpt_tos]
        return "250 OK"


def _only(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]
