"""A line: one connection to a relay. smtplib opens it; a mail's verbs go in one write where the relay allows it."""

import re
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, unquote

from mailtalk import tls
from mailtalk.outbound.smtp_replies import GOOD, Answer

LOCAL = "localhost"


class Timeouts(NamedTuple):
    """How long to wait, in seconds (RFC 5321 4.5.3.2); a shorter wait for the answer to the dot makes duplicates."""

    connect: float = 30
    command: float = 60
    data: float = 120
    dot: float = 600


class Envelope(NamedTuple):
    """What SMTP says of a mail; `id` comes back in reports (RFC 3461)."""

    mail_from: str
    to: str
    id: str


class Line:
    """One connection, who knows how much it was used, and whether the last mail left it fit for the next."""

    def __init__(self, url: SplitResult, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._client = _connect(url, timeouts)
        self.born = self.used = time.monotonic()
        self.mails = 0
        self.fit = True
        self.waiting = ""  # the verb whose answer is awaited

    def introduce(self, envelope: Envelope) -> Answer | None:
        """MAIL, RCPT and DATA; the first answer that is not good, or None when the relay waits for the mail."""
        self.mails += 1
        self.used = time.monotonic()
        self._patience(self._timeouts.command)
        verbs = self._verbs(envelope)
        if self._client.has_extn("pipelining"):  # RFC 2920
            self._client.send(b"".join(verbs.values()))
            return self._first_refusal(list(verbs))
        for verb, line in verbs.items():
            self._client.send(line)
            answer = self._answer(verb)
            if answer.code not in GOOD[verb]:
                return answer
        return None

    def dot(self, mail: bytes) -> Answer:
        """Send the mail, CRLF line ends, and its final dot."""
        self._patience(self._timeouts.data)
        self._client.send(re.sub(rb"(?m)^\.", b"..", mail) + b".\r\n")  # RFC 5321 4.5.2
        self._patience(self._timeouts.dot)
        answer = self._answer(".")
        self.used = time.monotonic()
        return answer

    def reset(self) -> None:
        """Make it fit for the next mail after a refusal, or find that it is not."""
        try:
            self.fit = self.fit and self._client.rset()[0] == 250  # noqa: PLR2004
        except (OSError, smtplib.SMTPException):
            self.fit = False

    def close(self, *, politely: bool) -> None:
        """End it; politely by QUIT, which waits for an answer."""
        with suppress(OSError, smtplib.SMTPException):
            if politely:
                self._patience(self._timeouts.connect)
                self._client.quit()
        self._client.close()

    def _verbs(self, envelope: Envelope) -> dict[str, bytes]:
        reports = self._client.has_extn("dsn")
        more = (f" RET=HDRS ENVID={envelope.id}", " NOTIFY=FAILURE,DELAY") if reports else ("", "")
        return {
            "MAIL": f"MAIL FROM:<{envelope.mail_from}>{more[0]}\r\n".encode("ascii"),
            "RCPT": f"RCPT TO:<{envelope.to}>{more[1]}\r\n".encode("ascii"),
            "DATA": b"DATA\r\n",
        }

    def _first_refusal(self, verbs: list[str]) -> Answer | None:
        """Read the answers to what went in one write; DATA may be taken though its recipient was not."""
        refusal = None
        for verb in verbs:
            try:
                answer = self._answer(verb)
            except (OSError, smtplib.SMTPException):
                if refusal is None:
                    raise
                self.fit = False  # it hung up after what it said
                break
            good = answer.code in GOOD[verb]
            if refusal is not None and verb == "DATA" and good:
                self.fit = False  # it waits for a mail that is not to be sent
            if refusal is None and not good:
                refusal = answer
        return refusal

    def _answer(self, verb: str) -> Answer:
        self.waiting = verb
        code, text = self._client.getreply()
        if code < 200 or code == 421:  # noqa: PLR2004  no answer at all, or its last
            self.fit = False
        return Answer(verb, code, text.decode("utf-8", "replace"))

    def _patience(self, seconds: float) -> None:
        if self._client.sock is not None:
            self._client.sock.settimeout(seconds)


def _connect(url: SplitResult, timeouts: Timeouts) -> smtplib.SMTP:
    host, seconds = url.hostname or "", timeouts.connect
    if url.scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=seconds, context=tls.proven())
    else:
        client = smtplib.SMTP(host, url.port or 25, timeout=seconds)
    try:
        _greet(client, url)
    except BaseException:
        client.close()
        raise
    return client


def _greet(client: smtplib.SMTP, url: SplitResult) -> None:
    if client.sock is not None:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.ehlo_or_helo_if_needed()
    if url.scheme == "smtp" and client.has_extn("starttls"):
        # A relay that gets our password must prove who it is; otherwise any encryption beats none (Postfix's "may").
        client.starttls(context=tls.proven() if url.username else tls.anybody())
    if url.username:
        if not isinstance(client.sock, ssl.SSLSocket) and not _is_here(url.hostname or ""):
            raise smtplib.SMTPNotSupportedError("it offers no TLS, and so does not get our password")
        client.login(unquote(url.username), unquote(url.password or ""))
    client.ehlo_or_helo_if_needed()


def _is_here(host: str) -> bool:
    if host == LOCAL:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
