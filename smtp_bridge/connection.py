"""SMTP connection: buffering and flow control, timeouts, and closing."""

import asyncio
import logging
import ssl
from collections import deque
from typing import Any

from aiosmtpd.smtp import SMTP, Session

from smtp_bridge import replies
from smtp_bridge.limits import USELESS_AFTER
from smtp_bridge.session_context import SessionContext, SessionStage
from smtp_bridge.session_timer import SessionTimer
from worker import metrics

LINE_LIMIT = 16 * 1024  # bytes without a line end; the connection is closed beyond
READ_AHEAD = 2 * LINE_LIMIT  # bytes buffered while a reply is pending; the rest stays in the kernel
LINGER = 10.0  # seconds for the client to read the last reply

log = logging.getLogger(__name__)


class BridgeConnection(SMTP):
    """aiosmtpd's protocol, with `data_received` in place of a task, a StreamReader and a StreamWriter per connection.

    A subclass implements `_welcome(farewell)`, `_command(line)` and `_data(part)`.
    """

    may_be_proxied = True
    protocol_name = "ESMTP"
    transport: Any
    session: Session

    # Set by SMTP.__init__ otherwise; needed for STARTTLS, MAIL and RCPT.
    _auth_required = _decode_data = False
    enable_SMTPUTF8 = True  # noqa: N815 - aiosmtpd's name
    tls_context: ssl.SSLContext | None = None

    def __init__(self, context: SessionContext) -> None:
        # SMTP.__init__ is not called: it inspects its class and handler for each connection (0.3 ms).
        self._context, self._settings = context, context.settings
        self._limits, self._quotas = context.limits, context.quotas
        self.loop = asyncio.get_running_loop()
        self.hostname, self.data_size_limit = context.settings.reply_domain, context.settings.smtp_message_bytes
        self._handler, self._handle_hooks = context.handler, context.hooks
        self.client: str | None = None  # the client's address, if known
        self.host: str | None = None  # key of its quotas; None for a client on this machine
        self._useful_at = self.loop.time()  # time of connecting, or of its last delivered mail
        self.transport = self._original_transport = self._tls_protocol = None
        self._stage = SessionStage.GREETING
        self._buffer = bytearray()
        self._replies: deque[str] = deque()
        self._farewell: str | None = None  # the last reply, once known
        self._received = 0
        self._is_eof = self._is_congested = self._is_held_back = False
        self._header: asyncio.StreamReader | None = None  # the PROXY protocol's
        self._task: asyncio.Task[None] | None = None
        self._timer = SessionTimer(self.loop, context.settings.smtp_session_seconds, self._time_out)
        self._lingering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet a client; or continue after STARTTLS, discarding all state from before (RFC 3207 4.2)."""
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
        """Process bytes: store a mail's data, answer as many commands as possible."""
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
        """Answer what the client has sent, if the transport still can: it will send nothing more."""
        self._is_eof = True
        if self._header:
            self._header.feed_eof()
        self._proceed()
        return self._tls_protocol is None

    def pause_writing(self) -> None:
        """Stop answering: the client does not read its replies."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """Continue answering: the client reads its replies again."""
        self._is_congested = False
        self._proceed()

    def connection_lost(self, _error: Exception | None) -> None:
        """Clean up; a mail that is being stored is stored all the same. Called twice after STARTTLS."""
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
        """True if it has delivered nothing for a while, and no mail is in progress."""
        is_free = self._stage in {SessionStage.GREETING, SessionStage.COMMAND, SessionStage.WAITING}
        return is_free and self.loop.time() - self._useful_at > USELESS_AFTER

    def abort(self) -> None:
        """End without a reply."""
        transport: Any = self._original_transport or self.transport
        if transport:
            transport.abort()

    async def push(self, status: Any) -> None:
        """Send a reply of aiosmtpd's."""
        self._reply(replies.complete(status))
        self._flush()

    def _welcome(self, farewell: str | None) -> None:
        raise NotImplementedError

    def _command(self, line: bytes) -> None:
        raise NotImplementedError

    def _data(self, part: bytes) -> None:
        raise NotImplementedError

    def _reply(self, reply: str) -> None:
        """Queue a reply for the next write."""
        metrics.SMTP_REPLIES.labels(reply[:3]).inc()
        self._replies.append(reply)

    def _proceed(self) -> None:
        """Answer everything that can be answered now, in one write."""
        while self._step():
            pass
        self._flush()
        if self._stage is SessionStage.COMMAND and self._farewell:
            self._end(self._farewell)
        elif self._is_eof and self._stage in {SessionStage.COMMAND, SessionStage.RECEIVING}:
            self._close()
        self._hold_back(len(self._buffer) > READ_AHEAD)

    def _step(self) -> bool:
        """Process one command or a mail's data from the buffer; False if there is none, or it has to wait."""
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
        """Pause or resume reading; while paused, the client's bytes stay in the kernel."""
        if wanted is self._is_held_back or self.transport is None or self._stage is SessionStage.ENDED:
            return
        self._is_held_back = wanted
        if wanted:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _time_out(self) -> None:
        self._farewell = replies.TIMEOUT
        if self._stage is not SessionStage.STORING:
            self._end(replies.TIMEOUT)

    def _end(self, farewell: str) -> None:
        if self._tls_protocol and self.session.ssl is None:  # in the handshake a reply would be garbage
            self.abort()
        elif self._stage is not SessionStage.ENDED:
            self._reply(farewell)
            self._flush()
            self._close()

    def _close(self) -> None:
        """Close once the client has read its replies, or after LINGER seconds."""
        self._stage = SessionStage.ENDED
        self._timer.stop()
        if self.transport:
            self.transport.close()
            self._lingering = self.loop.call_later(LINGER, self.abort)
