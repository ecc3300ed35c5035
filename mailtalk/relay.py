"""The relay: mails go out over kept connections; nothing is after the final dot that was not said before it."""

import re
import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, LifoQueue
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from mailtalk.vocabulary import Stage

COMMAND_TIMEOUT = 60.0
DATA_TIMEOUT = 120.0
DOT_TIMEOUT = 600.0  # RFC 5321 4.5.3.2.6; a shorter wait makes duplicates
MAILS_PER_CONNECTION = 100
CONNECTION_AGE = 300.0
IDLE = 5.0
CLEAN = re.compile(r"[^\s<>\x00-\x1f\x7f-\U0010ffff]{1,64}@[A-Za-z0-9.\[\]:-]{1,253}")


class Sent(NamedTuple):
    """How a sending went: the stage it leads to, and what the relay said."""

    stage: Stage
    reply: str


class _Line:
    """One connection to the relay and how much it was used."""

    def __init__(self, client: smtplib.SMTP) -> None:
        self.client, self.born, self.used, self.mails = client, time.monotonic(), time.monotonic(), 0

    def worn(self) -> bool:
        now = time.monotonic()
        return self.mails >= MAILS_PER_CONNECTION or now - self.born > CONNECTION_AGE or now - self.used > IDLE

    def close(self, *, politely: bool) -> None:
        with suppress(OSError, smtplib.SMTPException):
            if politely:
                self.client.quit()
        self.client.close()


class Relay:
    """A pool of connections to one relay; used by several threads."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._idle: LifoQueue[_Line] = LifoQueue()

    def send(self, mail_from: str, to: str, mail: bytes, before_dot: Callable[[], bool]) -> Sent | None:
        """Send a mail; None when `before_dot` said no and the connection was dropped before the final dot."""
        if not CLEAN.fullmatch(to):
            return Sent(Stage.FAILED, "the address cannot be sent to")
        try:
            line = self._line()
        except (OSError, smtplib.SMTPException) as error:
            return Sent(Stage.QUEUED, f"the relay cannot be reached: {_said(error)}")
        return self._send(line, mail_from, to, mail, before_dot)

    def close(self) -> None:
        """Say goodbye on every idle connection."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close(politely=True)

    def _send(self, line: _Line, mail_from: str, to: str, mail: bytes, before_dot: Callable[[], bool]) -> Sent | None:
        dotted = False
        try:
            refusal = _introduce(line.client, mail_from, to)
            if refusal is None:
                if not before_dot():
                    line.close(politely=False)
                    return None
                dotted = True
                refusal = _dot(line.client, mail)
        except (OSError, smtplib.SMTPException) as error:
            line.close(politely=False)
            stage = Stage.UNKNOWN if dotted else Stage.QUEUED
            return Sent(stage, f"the connection broke: {_said(error)}")
        except BaseException:
            line.close(politely=False)
            raise
        worn = line.mails > 0 and refusal.reply.startswith("421")
        self._keep(line, refusal)
        return refusal._replace(stage=Stage.QUEUED) if worn else refusal  # a new connection may do at once

    def _keep(self, line: _Line, sent: Sent) -> None:
        line.mails += 1
        line.used = time.monotonic()
        if sent.stage is Stage.SENT or (sent.reply[0] in "45" and not sent.reply.startswith("421")):
            with suppress(OSError, smtplib.SMTPException):
                if sent.stage is not Stage.SENT:
                    line.client.rset()
                self._idle.put(line)
                return
        line.close(politely=False)

    def _line(self) -> _Line:
        with suppress(Empty):  # several threads take
            while True:
                line = self._idle.get_nowait()
                if not line.worn():
                    return line
                line.close(politely=True)
        return _Line(_connect(self._url))


def _connect(url: SplitResult) -> smtplib.SMTP:
    host, context = url.hostname or "", ssl.create_default_context()
    if url.scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=COMMAND_TIMEOUT, context=context)
    else:
        client = smtplib.SMTP(host, url.port or 25, timeout=COMMAND_TIMEOUT)
    try:
        _greet(client, url)
    except BaseException:
        client.close()
        raise
    return client


def _greet(client: smtplib.SMTP, url: SplitResult) -> None:
    client.ehlo_or_helo_if_needed()
    if url.scheme == "smtp" and client.has_extn("starttls"):
        client.starttls(context=_context(url))
    if url.username:
        client.login(unquote(url.username), unquote(url.password or ""))
    client.ehlo_or_helo_if_needed()


def _context(url: SplitResult) -> ssl.SSLContext:
    """A relay that gets our password must prove who it is; otherwise any encryption beats none (Postfix's "may")."""
    context = ssl.create_default_context()
    if not url.username:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _introduce(client: smtplib.SMTP, mail_from: str, to: str) -> Sent | None:
    """MAIL, RCPT and DATA; a refusal, or None when the relay waits for the mail."""
    _timeout(client, COMMAND_TIMEOUT)
    steps: tuple[tuple[Callable[[], tuple[int, bytes]], set[int]], ...] = (
        (lambda: client.mail(mail_from), {250}),
        (lambda: client.rcpt(to), {250, 251, 252}),
        (lambda: client.docmd("DATA"), {354}),
    )
    for step, expected in steps:
        code, reply = step()
        if code not in expected:
            return _refusal(code, reply)
    return None


def _dot(client: smtplib.SMTP, mail: bytes) -> Sent:
    _timeout(client, DATA_TIMEOUT)
    client.send(re.sub(rb"(?m)^\.", b"..", mail) + b".\r\n")  # RFC 5321 4.5.2
    _timeout(client, DOT_TIMEOUT)
    code, reply = client.getreply()
    if 400 <= code < 600:  # noqa: PLR2004
        return _refusal(code, reply)
    return Sent(Stage.SENT if 200 <= code < 300 else Stage.UNKNOWN, _text(code, reply))  # noqa: PLR2004


def _refusal(code: int, reply: bytes) -> Sent:
    """5xx is for good, but 552 is 452 (RFC 5321 4.5.3.1.10); what is no answer at all is tried again."""
    return Sent(Stage.FAILED if 500 <= code < 600 and code != 552 else Stage.DEFERRED, _text(code, reply))  # noqa: PLR2004


def _text(code: int, reply: bytes) -> str:
    return f"{code} {reply.decode('utf-8', 'replace')}"


def _timeout(client: smtplib.SMTP, seconds: float) -> None:
    if client.sock is not None:
        client.sock.settimeout(seconds)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
