"""The programs around Mailtalk: a backend that speaks HTTP, and a mail server that speaks SMTP."""

import email
import email.policy
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import httpx
from support.product import PATIENCE, Stack, until

Json = Any


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
