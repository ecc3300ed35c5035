"""One SMTP connection: its bytes and flow control, the PROXY header, its timeouts, and every way in which it ends."""

import asyncio
import logging
import ssl
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any

from aiosmtpd.smtp import SMTP, Session

from mailtalk.settings.load import Settings
from smtp_bridge import proxy, replies
from smtp_bridge.limits import USELESS_AFTER, Address, SessionLimits, address, host
from smtp_bridge.quotas import MailQuotas
from smtp_bridge.session_timer import SessionTimer
from smtp_bridge.tls import Certificate

LINE_LIMIT = 16 * 1024  # bytes without an end of line; beyond it the connection is closed
READ_AHEAD = 2 * LINE_LIMIT  # bytes that wait for a reply under way; the rest stays with the kernel
LINGER = 10.0  # seconds for the last reply to be taken

log = logging.getLogger(__name__)


class SessionStage(Enum):
    """What the client's next bytes are, or what the client waits for."""

    GREETING = auto()  # the PROXY header comes first
    COMMAND = auto()
    WAITING = auto()  # for the reply to a command
    RECEIVING = auto()  # a mail's data
    STORING = auto()  # the commit of a mail
    ENDED = auto()


@dataclass(frozen=True)
class SessionContext:
    """What all connections of a process share."""

    settings: Settings
    handler: Any
    limits: SessionLimits
    quotas: MailQuotas
    certificate: Certificate | None
    proxies: proxy.Networks

    @cached_property
    def hooks(self) -> dict[str, Any]:
        """The handler's, by verb."""
        return {"MAIL": self.handler.handle_MAIL, "RCPT": self.handler.handle_RCPT}


class BridgeConnection(SMTP):
    """aiosmtpd's protocol, which leaves the reading to `data_received`: no task, reader or writer for a connection.

    A subclass answers `_command(line)` and takes `_data(part)`.
    """

    may_be_proxied = True
    protocol_name = "ESMTP"
    transport: Any
    session: Session

    # What SMTP.__init__ would set for STARTTLS, MAIL and RCPT.
    _auth_required = _decode_data = False
    enable_SMTPUTF8 = True  # noqa: N815 - aiosmtpd's name
    tls_context: ssl.SSLContext | None = None

    def __init__(self, context: SessionContext) -> None:
        # Not SMTP.__init__, which inspects its class and handler anew for each connection (0.3 ms).
        self._context, self._settings = context, context.settings
        self._limits, self._quotas = context.limits, context.quotas
        self.loop = asyncio.get_running_loop()
        self.hostname, self.data_size_limit = context.settings.reply_domain, context.settings.smtp_message_bytes
        self._handler, self._handle_hooks = context.handler, context.hooks
        self.client: str | None = None  # its address, where it is known
        self.host: str | None = None  # what its quotas are counted for, unless it is on this machine
        self._useful_at = self.loop.time()  # when it came, or delivered its last mail
        self.transport = self._original_transport = self._tls_protocol = None
        self._stage = SessionStage.GREETING
        self._buffer = bytearray()
        self._replies: deque[str] = deque()
        self._farewell: str | None = None  # the last reply, as soon as it is known
        self._received = 0
        self._is_eof = self._is_congested = self._is_held_back = False
        self._header: asyncio.StreamReader | None = None  # of the PROXY protocol
        self._task: asyncio.Task[None] | None = None
        self._timer = SessionTimer(self.loop, context.settings.smtp_session_seconds, self._time_out)
        self._lingering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet a client; or go on after STARTTLS, with all forgotten that came before (RFC 3207 4.2)."""
        self.transport = transport
        self.envelope = self._create_envelope()
        self.session = Session(self.loop)
        if self._tls_protocol:
            self.session.ssl = self._tls_protocol._extra  # noqa: SLF001 - as aiosmtpd does
            self._buffer.clear()
            return
        self.session.peer = transport.get_extra_info("peername")
        farewell = self._limits.enter(self)
        self._timer.restart(self._limits.patience)
        self._welcome(farewell)

    def data_received(self, data: bytes) -> None:
        """Take bytes: a mail's data goes to its place at once, commands are answered as far as possible."""
        self._received += len(data)
        if self._header:
            self._header.feed_data(data)
        elif self._stage is SessionStage.RECEIVING:
            self._data(data)
            self._proceed()
        elif self._stage is not SessionStage.ENDED:
            self._buffer += data
            self._proceed()

    def eof_received(self) -> bool:
        """The client will send nothing more: what came is still answered, where the transport can."""
        self._is_eof = True
        if self._header:
            self._header.feed_eof()
        self._proceed()
        return self._tls_protocol is None

    def pause_writing(self) -> None:
        """The client does not take its replies: answer nothing more."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """The client takes its replies again."""
        self._is_congested = False
        self._proceed()

    def connection_lost(self, _error: Exception | None) -> None:
        """The client is gone; a mail that is being stored is stored all the same. Called twice after STARTTLS."""
        self._stage = SessionStage.ENDED
        self._timer.stop()
        if self._lingering:
            self._lingering.cancel()
        if self._task:
            self._task.cancel()
        if self._original_transport:
            self._original_transport.close()
        self._limits.leave(self)
        self.transport = None

    def wind_up(self, farewell: str) -> None:
        """End now, or after the mail that is being received."""
        self._farewell = farewell
        if self._stage not in {SessionStage.RECEIVING, SessionStage.STORING}:
            self._end(farewell)

    @property
    def gives_way(self) -> bool:
        """True if it has delivered nothing for a while, and no mail is under way."""
        is_free = self._stage in {SessionStage.GREETING, SessionStage.COMMAND, SessionStage.WAITING}
        return is_free and self.loop.time() - self._useful_at > USELESS_AFTER

    def abort(self) -> None:
        """End without a reply."""
        transport: Any = self._original_transport or self.transport
        if transport:
            transport.abort()

    async def push(self, status: Any) -> None:
        """Aiosmtpd's way to reply."""
        self._reply(replies.complete(status))
        self._flush()

    def _command(self, line: bytes) -> None:
        raise NotImplementedError

    def _data(self, part: bytes) -> None:
        raise NotImplementedError

    def _reply(self, reply: str) -> None:
        """Add a reply to those of the next write."""
        self._replies.append(reply)

    def _proceed(self) -> None:
        """Answer all that has come and can be answered now, in one write."""
        while self._step():
            pass
        self._flush()
        if self._stage is SessionStage.COMMAND and self._farewell:
            self._end(self._farewell)
        elif self._is_eof and self._stage in {SessionStage.COMMAND, SessionStage.RECEIVING}:
            self._close()
        self._hold_back(len(self._buffer) > READ_AHEAD)

    def _step(self) -> bool:
        """Take one command, or a mail's data, out of the buffer; False when there is none, or when it has to wait."""
        if self._stage is SessionStage.RECEIVING and self._buffer:
            part, self._buffer = bytes(self._buffer), bytearray()
            self._data(part)
            return True
        if self._stage is not SessionStage.COMMAND or self._farewell or self._is_congested:
            return False
        end = self._buffer.find(b"\n") + 1
        if end:
            line = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._command(line)
        elif len(self._buffer) > LINE_LIMIT:
            self._farewell = replies.LINE_TOO_LONG
        return bool(end)

    def _flush(self) -> None:
        if self._replies and self.transport and self._stage is not SessionStage.ENDED:
            self.transport.write("".join(f"{reply}\r\n" for reply in self._replies).encode("ascii", "replace"))
        self._replies.clear()

    def _hold_back(self, wanted: bool) -> None:
        """Leave what the client sends with the kernel, or take it again."""
        if wanted is self._is_held_back or self.transport is None or self._stage is SessionStage.ENDED:
            return
        self._is_held_back = wanted
        if wanted:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _welcome(self, farewell: str | None) -> None:
        if farewell:
            self._end(farewell)
        elif not self.session.peer:
            self.abort()
        elif self.may_be_proxied and proxy.is_proxy(address(self.session.peer[0]), self._context.proxies):
            self._header = asyncio.StreamReader(limit=LINE_LIMIT)
            self._header.set_transport(self.transport)
            self._task = self.loop.create_task(self._read_header(self._header))
        else:
            self._greet(address(self.session.peer[0]))

    async def _read_header(self, header: asyncio.StreamReader) -> None:
        try:
            client = await proxy.client(header)
        except proxy.NotProxied:
            self._close()
            return
        self._header = None
        header.feed_eof()
        self._buffer += await header.read()  # what came behind it
        if self._stage is SessionStage.GREETING:
            self._greet(client)

    def _greet(self, client: Address | None) -> None:
        self.client = str(client) if client else None
        self.host = host(client) if client and not client.is_loopback else None
        if refusal := self._limits.enter_host(self, client):
            self._end(refusal)
            return
        self._stage = SessionStage.COMMAND
        self._reply(f"220 {self.hostname} {self.protocol_name} Mailtalk")
        self._proceed()

    def _time_out(self) -> None:
        self._farewell = replies.TIMEOUT
        if self._stage is not SessionStage.STORING:
            self._end(replies.TIMEOUT)

    def _end(self, farewell: str) -> None:
        if self._tls_protocol and self.session.ssl is None:  # in the handshake a reply is garbage
            self.abort()
        elif self._stage is not SessionStage.ENDED:
            self._reply(farewell)
            self._flush()
            self._close()

    def _close(self) -> None:
        """Close once the client has taken its replies, for which it has a moment."""
        self._stage = SessionStage.ENDED
        self._timer.stop()
        if self.transport:
            self.transport.close()
            self._lingering = self.loop.call_later(LINGER, self.abort)
