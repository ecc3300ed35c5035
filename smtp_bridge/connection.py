"""One connection: who it is from, how long it may last, what it may cost, and how it ends."""

import asyncio
import logging
from asyncio import IncompleteReadError, LimitOverrunError
from enum import Enum, auto
from typing import Any

from aiosmtpd.smtp import SMTP, TLSSetupException

from mailtalk.settings.load import Settings
from smtp_bridge import proxy, replies
from smtp_bridge.limits import Address, Guard, address
from smtp_bridge.tls import Certificate

LINE = 2_048  # bytes of a command; RFC 5321 asks for 512, and more for extensions
BUFFER = 16 * 1024  # bytes; once twice as much waits to be read, the rest stays with the kernel
BEFORE_TLS = {"NOOP", "LHLO", "EHLO", "STARTTLS", "QUIT"}  # RFC 3207 4
OF_A_MAIL = {"MAIL", "RCPT", "DATA"}  # not counted when they are agreed to: they have bounds of their own
PENANCE = 1.0  # seconds after each error, once half of those allowed were made

log = logging.getLogger(__name__)


class Stage(Enum):
    """What a session is at."""

    COMMAND = auto()
    RECEIVING = auto()
    KEEPING = auto()


class Connection(SMTP):
    """aiosmtpd's protocol, but its loop is ours: every way in which a session goes on or ends is here."""

    line_length_limit = BUFFER
    may_be_proxied = True
    protocol_name = "ESMTP"

    def __init__(
        self, handler: Any, guard: Guard, settings: Settings, certificate: Certificate | None, proxies: proxy.Networks
    ) -> None:
        super().__init__(
            handler,
            data_size_limit=settings.smtp_message_bytes,
            enable_SMTPUTF8=True,
            hostname=settings.reply_domain,
            loop=asyncio.get_running_loop(),
        )
        self.client: Address | None = None
        self._guard, self._settings, self._certificate, self._proxies = guard, settings, certificate, proxies
        self._stage = Stage.COMMAND
        self._farewell: str | None = None  # what is said last, as soon as it is set
        self._said = ""
        self._commands = self._errors = self._received = 0
        self._deadline: asyncio.TimerHandle | None = None
        del self._smtp_methods["AUTH"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody came, or TLS was started."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._settings.smtp_session_seconds, self._timeout_cb)
            self._farewell = self._guard.enter(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """They are gone; what was handed over is kept all the same. Called twice when TLS was started."""
        if self._deadline:
            self._deadline.cancel()
        self._guard.leave(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Count what comes; the reader stops the transport when too much waits."""
        self._received += len(data)
        super().data_received(data)

    def eof_received(self) -> bool:
        """Nothing more will come: what came is still answered, where the transport can."""
        self._reader.feed_eof()
        return self._tls_protocol is None

    def wind_up(self, farewell: str) -> None:
        """End now, or after the mail that is being received."""
        self._farewell = farewell
        if self._stage is Stage.COMMAND:
            self._end(farewell)

    def abort(self) -> None:
        """End without a word."""
        transport: Any = self._original_transport or self.transport
        if transport:
            transport.abort()

    async def push(self, status: Any) -> None:
        """Say it, with an enhanced code."""
        self._said = replies.complete(status)
        await self._say(self._said)

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode("ascii", "replace"))
        await self._writer.drain()

    def _end(self, farewell: str) -> None:
        if self._tls_protocol and self.session and self.session.ssl is None:  # nobody understands us now
            self.abort()
        elif self.transport:
            self._writer.write(f"{farewell}\r\n".encode())
            self._writer.close()

    def _reset_timeout(self, duration: float | None = None) -> None:
        super()._reset_timeout(duration or self._guard.patience)

    def _timeout_cb(self) -> None:
        self._farewell = replies.TIMEOUT
        if self._stage is not Stage.KEEPING:
            self._end(replies.TIMEOUT)

    async def _handle_client(self) -> None:
        try:
            await self._welcome()
            while not self._farewell:
                await self._command()
            await self._say(self._farewell)
        except (IncompleteReadError, ConnectionError, proxy.NotProxied):
            log.debug("a client went away")
        except TLSSetupException as error:  # nobody else tells us that they are gone
            self.abort()
            self.connection_lost(error)
        finally:
            self._writer.close()

    async def _welcome(self) -> None:
        if self._farewell:
            return
        if not self.session or not self.session.peer:
            raise ConnectionResetError
        peer = address(self.session.peer[0])
        passed_on = self.may_be_proxied and proxy.is_proxy(peer, self._proxies)
        self.client = await proxy.client(self._reader) if passed_on else peer
        self._farewell = self._guard.enter_host(self, self.client)
        if not self._farewell:
            await self._say(f"220 {self.hostname} {self.protocol_name} Mailtalk")

    async def _command(self) -> None:
        try:
            line = await self._reader.readuntil()
        except LimitOverrunError:
            self._farewell = replies.LINE_TOO_LONG
            return
        self._reset_timeout()
        verb, _, argument = line.decode("utf-8", "surrogateescape").strip("\r\n").partition(" ")
        await self._obey(verb.upper(), argument.strip() or None, len(line))
        await self._judge(verb.upper())

    async def _obey(self, verb: str, argument: str | None, length: int) -> None:
        if self._commands >= self._settings.smtp_commands + (verb in OF_A_MAIL):
            self._farewell = replies.TOO_MANY_COMMANDS
            return
        try:
            if refusal := self._refusal(verb, length):
                await self.push(refusal)
            else:
                await self._smtp_methods[verb](argument)
        except (IncompleteReadError, ConnectionError, TLSSetupException):
            raise
        except Exception as error:  # noqa: BLE001 - all of it is trouble of ours, and is logged there
            await self._own_up(error)

    def _refusal(self, verb: str, length: int) -> str | None:
        if length > LINE:
            return replies.LINE_TOO_LONG
        if verb not in self._smtp_methods:
            return replies.UNKNOWN_COMMAND
        if self._settings.smtp_tls_required and not self._tls_protocol and verb not in BEFORE_TLS:
            return replies.TLS_REQUIRED
        return None

    async def _own_up(self, error: Exception) -> None:
        reply = self.event_handler.trouble(error)
        if self._stage is Stage.RECEIVING:  # or the rest of the mail would be taken for commands
            self._farewell = reply
        else:
            self._stage = Stage.COMMAND
            await self.push(reply)

    async def _judge(self, verb: str) -> None:
        if self._said == replies.OK_QUEUED:
            self._commands = self._errors = 0
        elif verb not in OF_A_MAIL or not replies.is_agreed(self._said):
            self._commands += 1
        if replies.is_refusal(self._said):
            await self._punish()

    async def _punish(self) -> None:
        self._errors += 1
        if self._errors >= self._settings.smtp_errors:
            self._farewell = self._farewell or replies.TOO_MANY_ERRORS
        elif self._errors > self._settings.smtp_errors // 2:
            await asyncio.sleep(PENANCE)
