"""The people and the programs around Mailtalk: a backend that speaks HTTP, mail clients, and mailboxes."""

import email
import email.policy
import re
import smtplib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Protocol

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from stack import PATIENCE, Stack, free_port, until

Json = Any


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
    """The mails as `mailtalk mails --source` shows them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._mails: list[Mail] = []

    def mails(self) -> list[Mail]:
        return self._mails

    def look(self) -> None:
        self._mails, rest = [], self._stack.command("mails", "--source", "--limit", "1000")
        while match := re.match(rb"# \S+ (\d+)\n", rest):
            end = match.end() + int(match[1])
            raw, rest = rest[match.end() : end], rest[end + 1 :]
            self._mails.append(Mail(_only(r"([^<>\s]+@[^<>\s]+)>?$", Mail("", raw).header("To")), raw))


class Relay:
    """An SMTP server that takes our mails; `refusals` are its answers to some recipients."""

    def __init__(self) -> None:
        self.refusals: dict[str, str] = {}
        self.refused: list[str] = []
        self._mails: list[Mail] = []
        self._lock = threading.Lock()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.url = f"smtp://127.0.0.1:{self._controller.port}"

    def __enter__(self) -> "Relay":
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


class Backend:
    """The app's own program: it sends again what could not be taken, and waits for what is not yet applied."""

    def __init__(self, stack: Stack, app: str = "demo") -> None:
        self._stack, self._base = stack, f"{stack.url}/v1/{app}"

    def get(self, path: str) -> Json:
        return self._done("GET", path)

    def put(self, path: str, body: Json = None) -> Json:
        return self._done("PUT", path, body)

    def post(self, path: str, body: Json) -> Json:
        return self._done("POST", path, body)

    def delete(self, path: str) -> Json:
        return self._done("DELETE", path)

    def ask(self, method: str, path: str, body: Json = None, secret: str | None = None) -> httpx.Response:
        """Make one request on a connection of its own."""
        headers = {"Authorization": f"Bearer {secret or self._stack.secret}"}
        return httpx.request(method, f"{self._base}{path}", json=body, headers=headers, timeout=PATIENCE)

    def _done(self, method: str, path: str, body: Json = None) -> Json:
        response = until(f"{method} {path} is answered", lambda: self._answered(method, path, body))
        if response.status_code == 202:
            change = response.headers["Operation-Location"].removeprefix(f"/v1/{self._base.rpartition('/')[2]}")
            until(f"{change} is applied", lambda: self.get(change)["status"] == "applied")
            return {}
        assert response.status_code == 200, response.text
        return response.json()

    def _answered(self, method: str, path: str, body: Json) -> httpx.Response | None:
        try:
            response = self.ask(method, path, body)
        except httpx.ConnectError:
            return None
        return None if response.status_code == 503 else response


class Post:
    """A mail server that hands mails to the bridge; it tries again what is put off."""

    def __init__(self, stack: Stack) -> None:
        self._at = stack.smtp

    def deliver(self, sender: str, to: str, mail: EmailMessage | bytes) -> None:
        raw = mail if isinstance(mail, bytes) else mail.as_bytes(policy=email.policy.SMTP)
        until("the bridge takes a mail", lambda: self._try(lambda client: _hand_over(client, sender, to, raw)))

    def recipient(self, to: str) -> str:
        """Give the bridge's answer to RCPT."""
        code, text = until("the bridge answers", lambda: self._try(lambda client: _offer(client, to)))
        return f"{code} {text.decode()}"

    def _try(self, verb: Callable[[smtplib.SMTP], tuple[int, bytes]]) -> tuple[int, bytes] | None:
        try:
            with smtplib.SMTP(*self._at, local_hostname="client.example", timeout=PATIENCE) as client:
                code, text = verb(client)
        except (ConnectionError, smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError):
            return None
        return None if 400 <= code < 500 else (code, text)


def _hand_over(client: smtplib.SMTP, sender: str, to: str, raw: bytes) -> tuple[int, bytes]:
    answer = _offer(client, to, sender)
    if answer[0] == 250:
        answer = client.data(raw)
    assert answer[0] < 500, answer
    return answer


def _offer(client: smtplib.SMTP, to: str, sender: str = "someone@example.com") -> tuple[int, bytes]:
    client.ehlo()
    client.mail(sender)
    return client.rcpt(to)


def _only(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]
