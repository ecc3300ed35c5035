"""asyncio protocol of an SMTP client: writes bytes and parses replies in the order of arrival (RFC 5321 4.2)."""

import asyncio
from collections import deque
from typing import NamedTuple, cast

LONGEST = 65_536  # bytes of one reply


class WireReply(NamedTuple):
    """Reply as received; code -1 if its line does not begin with a code."""

    code: int
    text: str


class SessionRefused(ConnectionError):
    """The relay replied but refused the session; the text contains its reply."""

    def __init__(self, step: str, reply: WireReply) -> None:
        super().__init__(f"{step}: {reply.code} {reply.text}")
        self.code = reply.code


class SmtpProtocol(asyncio.Protocol):
    """One connection; awaiting methods raise OSError once the relay has closed it, TimeoutError if it is slow."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._texts: list[bytes] = []  # lines of an unfinished multi-line reply
        self._replies: deque[WireReply] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._lost: OSError | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """The transport; ConnectionError once it is closed."""
        if self._transport is None or self._lost is not None:
            raise self._lost or ConnectionError("not connected")
        return self._transport

    @property
    def is_silent(self) -> bool:
        """True if no unsolicited bytes have arrived."""
        return not (self._unread or self._texts or self._replies)

    def write(self, data: bytes) -> None:
        """Write bytes to the connection."""
        self.transport.write(data)

    async def drain(self, seconds: float) -> None:
        """Wait until most of the written bytes have been sent."""
        if self._drained is not None:
            async with asyncio.timeout(seconds):
                await self._drained

    async def reply(self, seconds: float) -> WireReply:
        """Next reply."""
        if not self._replies:
            if self._lost is not None:
                raise self._lost
            self._waiting = self._loop.create_future()
            async with asyncio.timeout(seconds):
                await self._waiting
        return self._replies.popleft()

    async def start_tls(self, context: object, host: str, seconds: float) -> None:
        """Start TLS; ConnectionError if plain bytes came after the reply, since an attacker may have injected them."""
        if not self.is_silent:
            raise ConnectionError("the relay sent more than its reply to STARTTLS")
        async with asyncio.timeout(seconds):
            secured = await self._loop.start_tls(self.transport, self, context, server_hostname=host)  # type: ignore[arg-type]
        self._transport = secured

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes received."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._unread) + sum(map(len, self._texts)) > LONGEST:
            self._end(ConnectionError("the relay's reply is too long"))
            self.close()

    def eof_received(self) -> None:
        """asyncio: the relay closed its side; the transport closes ours."""

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection ended."""
        self._end(error if isinstance(error, OSError) else ConnectionResetError("the relay closed the connection"))

    def pause_writing(self) -> None:
        """asyncio: the write buffer is full."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """asyncio: the write buffer has drained."""
        _wake(self._drained)
        self._drained = None

    def _take(self, line: bytes) -> None:
        code = int(line[:3]) if line[:3].isdigit() else -1
        self._texts.append(line[4:].strip())
        if code < 0 or line[3:4] != b"-":
            text = b"\n".join(self._texts).decode("utf-8", "replace").replace("\0", "")  # PostgreSQL stores no NUL
            self._replies.append(WireReply(code, text))
            self._texts = []
            _wake(self._waiting)

    def _end(self, error: OSError) -> None:
        self._lost = self._lost or error
        for future in (self._waiting, self._drained):
            _wake(future, self._lost)


def _wake(future: "asyncio.Future[None] | None", error: OSError | None = None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
