"""One connection to a relay: MAIL, RCPT and DATA are sent in one write if it offers PIPELINING (RFC 2920)."""

import asyncio
import time
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import SplitResult

from mailtalk import tls
from mailtalk.outbound.smtp_greeting import Extensions, greet, local_name
from mailtalk.outbound.smtp_protocol import SmtpProtocol
from mailtalk.outbound.smtp_replies import CLOSING, GOOD, SmtpReply


class Timeouts(NamedTuple):
    """Time limits in seconds (RFC 5321 4.5.3.2); a shorter wait for the reply to the dot would cause duplicates."""

    connect: float = 30
    command: float = 60
    data: float = 120
    dot: float = 600


class SmtpEnvelope(NamedTuple):
    """Envelope of a mail; `id` is returned in delivery reports (RFC 3461)."""

    mail_from: str
    to: str
    id: str


class SmtpConnection:
    """Open session. `fit`: it can carry another mail. `waiting`: the verb whose reply is awaited."""

    def __init__(self, protocol: SmtpProtocol, extensions: Extensions, timeouts: Timeouts) -> None:
        self._protocol, self._extensions, self._timeouts = protocol, extensions, timeouts
        self.born = self.used = time.monotonic()
        self.mails = 0
        self.fit = True
        self.waiting = ""

    @classmethod
    async def open(cls, url: SplitResult, timeouts: Timeouts) -> "SmtpConnection":
        """Connect and begin the session; OSError on failure."""
        loop, is_tls = asyncio.get_running_loop(), url.scheme == "smtps"
        await loop.run_in_executor(None, local_name)
        async with asyncio.timeout(timeouts.connect):
            _, protocol = await loop.create_connection(
                SmtpProtocol,
                url.hostname or "",
                url.port or (465 if is_tls else 25),
                ssl=tls.verified() if is_tls else None,
            )
        try:
            return cls(protocol, await greet(protocol, url, timeouts.connect), timeouts)
        except BaseException:
            protocol.close()
            raise

    async def introduce(self, envelope: SmtpEnvelope) -> SmtpReply | None:
        """Send MAIL, RCPT and DATA; returns the first bad reply, or None when the relay waits for the mail."""
        self.mails += 1
        self.used = time.monotonic()
        verbs = self._verbs(envelope)
        if "pipelining" in self._extensions:
            self.waiting = "MAIL"
            self._protocol.write(b"".join(verbs.values()))
            return await self._first_refusal(list(verbs))
        for verb, line in verbs.items():
            self.waiting = verb
            self._protocol.write(line)
            reply = await self._reply(verb, self._timeouts.command)
            if reply.code not in GOOD[verb]:
                return reply
        return None

    def require_open(self) -> None:
        """Raise OSError if the relay has closed the connection."""
        if self._protocol.transport.is_closing():
            raise ConnectionResetError("the relay closed the connection")

    async def dot(self, mail: bytes) -> SmtpReply:
        """Send the mail, with CRLF line ends, and the final dot; returns the relay's reply."""
        stuffed = mail.replace(b"\n.", b"\n..")  # RFC 5321 4.5.2
        self._protocol.write((b"." if mail.startswith(b".") else b"") + stuffed + b".\r\n")
        await self._protocol.drain(self._timeouts.data)
        reply = await self._reply(".", self._timeouts.dot)
        self.used = time.monotonic()
        return reply

    async def reset(self) -> None:
        """Send RSET after a refusal; the connection is unfit if the relay does not accept it."""
        try:
            self._protocol.write(b"RSET\r\n")
            self.fit = self.fit and (await self._protocol.reply(self._timeouts.command)).code == 250  # noqa: PLR2004
        except OSError:
            self.fit = False

    async def quit(self) -> None:
        """Send QUIT, wait for the reply, and close."""
        with suppress(OSError):
            self._protocol.write(b"QUIT\r\n")
            await self._protocol.reply(self._timeouts.connect)
        self.close()

    def close(self) -> None:
        """Close at once: the relay discards a mail whose final dot it has not received."""
        self._protocol.close()

    def _verbs(self, envelope: SmtpEnvelope) -> dict[str, bytes]:
        reports = "dsn" in self._extensions
        more = (f" RET=HDRS ENVID={envelope.id}", " NOTIFY=FAILURE,DELAY") if reports else ("", "")
        return {
            "MAIL": f"MAIL FROM:<{envelope.mail_from}>{more[0]}\r\n".encode("ascii"),
            "RCPT": f"RCPT TO:<{envelope.to}>{more[1]}\r\n".encode("ascii"),
            "DATA": b"DATA\r\n",
        }

    async def _first_refusal(self, verbs: list[str]) -> SmtpReply | None:
        """Read the replies to one write; a relay may accept DATA even though it refused the recipient."""
        refusal = None
        for verb in verbs:
            try:
                reply = await self._reply(verb, self._timeouts.command)
            except OSError:
                if refusal is None:
                    raise
                self.fit = False  # it closed the connection after the refusal
                break
            good = reply.code in GOOD[verb]
            if refusal is not None and verb == "DATA" and good:
                self.fit = False  # it waits for a mail that must not be sent
            if refusal is None and not good:
                refusal = reply
        return refusal

    async def _reply(self, verb: str, seconds: float) -> SmtpReply:
        self.waiting = verb
        code, text = await self._protocol.reply(seconds)
        if code < 200 or code == CLOSING:  # noqa: PLR2004
            self.fit = False
        return SmtpReply(verb, code, text)
