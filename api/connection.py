"""HTTP/1.1 connection: uvicorn's protocol with deadlines, least speeds and a limit on the header's size."""

from enum import Enum, auto
from functools import partial
from math import inf
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.connection_limits import ConnectionLimits
from api.schemas.types import Error
from mailtalk import hosts
from mailtalk.errors import ErrorCode
from mailtalk.settings.load import Settings

SPEED_WINDOW = 10.0  # seconds over which a speed is measured
LINGER = 2.0  # seconds for a client to take the last answer, or to stop sending a body that nobody reads
PIPELINED = 32  # requests that wait for the answer to another one of their connection

BAD_REQUEST, TOO_SLOW, HEADER_TOO_LARGE, BUSY = 400, 408, 431, 503
_REASONS = {
    BAD_REQUEST: (ErrorCode.BAD_REQUEST, "is not a valid HTTP/1.1 request"),
    TOO_SLOW: (ErrorCode.BAD_REQUEST, "the request arrived too slowly; send it again"),
    HEADER_TOO_LARGE: (ErrorCode.TOO_LARGE, "the header of the request is too large"),
    BUSY: (ErrorCode.UNAVAILABLE, "too many connections; send the request again later"),
}


class _Stage(Enum):
    """The part of a request that is received."""

    NONE = auto()
    HEADER = auto()
    BODY = auto()


class ApiConnection(HttpToolsProtocol):
    """Connection that is closed if its client is slow, sends too large a header, or others need its place."""

    def __init__(self, limits: ConnectionLimits, settings: Settings, proxies: hosts.Networks, **given: Any) -> None:
        super().__init__(**given)
        self._limits, self._settings, self._proxies = limits, settings, proxies
        self._stage, self._deadline = _Stage.HEADER, self.loop.time() + settings.http_header_seconds
        self._unparsed = 0  # bytes since the last part of a body, or the last complete header or request
        self._received = 0  # bytes of the body
        self._measured: tuple[float, int] | None = None  # time and number of bytes at the start of a speed's window
        self.was_useful = False

    def connection_made(self, transport: Any) -> None:
        """Count the connection, or refuse it."""
        super().connection_made(transport)
        if not self._limits.enter(self, self._host()):
            self._refuse(BUSY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Uncount the connection."""
        self._limits.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, in pieces no larger than what is left for a header."""
        self._unset_keepalive_if_required()
        if self._stage is _Stage.NONE:
            self._await_header()
        most = self._settings.http_header_bytes
        while data and not self.transport.is_closing():
            piece, data = data[: most - self._unparsed], data[most - self._unparsed :]
            self._unparsed += len(piece)
            self._parse(piece)
            if self._unparsed >= most:
                self._refuse(HEADER_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start the deadline of a header."""
        super().on_message_begin()
        if self._stage is _Stage.NONE:
            self._await_header()

    def on_headers_complete(self) -> None:
        """Start the request, and the deadline of its body."""
        if len(self.pipeline) >= PIPELINED:
            raise OverflowError  # the parser's feed_data raises it as an HttpParserError
        super().on_headers_complete()
        self._stage, self._unparsed, self._received, self._measured = _Stage.BODY, 0, 0, None
        self._deadline = self.loop.time() + self._settings.http_body_seconds

    def on_body(self, body: bytes) -> None:
        """Count a part of a body."""
        super().on_body(body)
        self._received += len(body)
        self._unparsed = 0

    def on_message_complete(self) -> None:
        """Lift the deadline: from here on the client waits for us."""
        super().on_message_complete()
        self._stage, self._deadline, self._unparsed = _Stage.NONE, inf, 0

    def on_response_complete(self) -> None:
        """Renew the connection; one that still sends its body is closed soon."""
        super().on_response_complete()
        self.was_useful = True
        self._limits.renew(self)
        if self._stage is _Stage.BODY:
            self._deadline = min(self._deadline, self.loop.time() + LINGER)

    def pause_writing(self) -> None:
        """Start to measure how fast the client reads."""
        super().pause_writing()
        self._measured = None

    def resume_writing(self) -> None:
        """The client reads: measure anew."""
        super().resume_writing()
        self._measured = None

    @property
    def gives_way(self) -> bool:
        """True unless a complete request is being answered."""
        return self.cycle is None or self.cycle.response_complete or self._stage is _Stage.BODY

    def give_way(self) -> None:
        """Close for another connection."""
        self.transport.abort()

    def check(self, now: float) -> None:
        """Close if a deadline has passed or the client is too slow."""
        if self.transport.is_closing():
            self._deadline = min(self._deadline, now + LINGER)
            if now >= self._deadline:
                self.transport.abort()
        elif (self.gives_way and now >= self._deadline) or self._is_slow(now):
            self._refuse(TOO_SLOW)

    def _host(self) -> str | None:
        """Host whose connections are counted; None for a proxy."""
        if self.client is None:
            return None
        address = hosts.address(self.client[0])
        return None if hosts.is_in(address, self._proxies) else hosts.host(address)

    def _await_header(self) -> None:
        self._stage, self._deadline = _Stage.HEADER, self.loop.time() + self._settings.http_header_seconds

    def _parse(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:  # not supported, so the request is an ordinary one; the parser has stopped
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(BAD_REQUEST)

    def _is_slow(self, now: float) -> bool:
        """True if the client sent or read less in a window than the setting asks for."""
        moved, least = self._moved(), self._settings.http_bytes_per_second
        if moved is None or self._measured is None:
            self._measured = None if moved is None else (now, moved)
            return False
        seconds = now - self._measured[0]
        if seconds < SPEED_WINDOW:
            return False
        is_slow = moved - self._measured[1] < seconds * least
        self._measured = now, moved
        return is_slow

    def _moved(self) -> int | None:
        """Number of bytes that grows as the client reads or sends; None if we do not wait for it."""
        if self.flow.write_paused:
            return -self.transport.get_write_buffer_size()
        return self._received if self._stage is _Stage.BODY and not self.flow.read_paused else None

    def _refuse(self, status: int) -> None:
        """Answer with an error, unless an answer has begun, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        self.transport.write(_refusal(status))
        self.transport.close()


def protocol(settings: Settings) -> Any:
    """Protocol factory for uvicorn; its connections share their limits."""
    proxies = hosts.networks(settings.http_proxy_from)
    return partial(ApiConnection, ConnectionLimits(settings), settings, proxies)


def _refusal(status: int) -> bytes:
    code, reason = _REASONS[status]
    body = msgspec.json.encode(Error(code, [reason]))
    later = b"retry-after: 1\r\n" if status == BUSY else b""
    head = b"content-type: application/json\r\nconnection: close\r\n%scontent-length: %d\r\n\r\n" % (later, len(body))
    return STATUS_LINE[status] + head + body
