"""asyncio protocol of an HTTP/1.1 client connection: one request at a time, and the beginning of its response."""

import asyncio
from typing import NamedTuple, cast

import httptools

READ = 64_000  # bytes of a response that are read
INFORMATIONAL = 200  # statuses below it announce a response (RFC 9110 15.2)


class Stale(ConnectionError):
    """The server closed a kept connection before it answered: another connection may work at once."""


class HttpResponse(NamedTuple):
    """Response as received, its body cut at the protocol's limit; header names are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class HttpProtocol(asyncio.Protocol):
    """One connection; `fit` once it may carry another request. At most `most` bytes of a response are read."""

    def __init__(self, most: int = READ) -> None:
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._has_head = self._is_kept = False
        self.opened_at = self.used_at = self._loop.time()
        self.fit = True

    async def exchange(self, request: bytes) -> HttpResponse:
        """Send a request; returns its response. OSError or httptools' errors on failure; nothing can follow them."""
        if self._transport is None or self._transport.is_closing():
            raise Stale
        self.fit, self._answer = False, self._loop.create_future()
        self._transport.write(request)
        response = await self._answer
        self._is_kept, self.used_at = True, self._loop.time()
        return response

    def close(self) -> None:
        """Close the connection at once."""
        self.fit = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes received; without a request they are no response."""
        if self._is_answered:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the connection ended, which completes a response of unknown length (RFC 9112 6.3)."""
        self.fit = False
        if self._has_head and not self._headers.keys() & {b"content-length", b"transfer-encoding"}:
            self._end(fit=False)
        elif self._is_kept and not self._has_head:
            self._fail(Stale())
        else:
            self._fail(error or ConnectionResetError())

    def on_message_begin(self) -> None:
        """httptools: a response begins; only the first is the answer to the request."""
        self.fit = self.fit and not self._is_answered
        self._headers, self._body, self._has_head = {}, bytearray(), False

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header field."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """httptools: the end of the header."""
        self._has_head = self._parser.get_status_code() >= INFORMATIONAL

    def on_body(self, part: bytes) -> None:
        """httptools: a part of the body; the response is cut off at the limit."""
        self._body += part
        if len(self._body) >= self._most:
            self._end(fit=False)

    def on_message_complete(self) -> None:
        """httptools: the end of a response."""
        if self._has_head and self._transport is not None:
            self._end(fit=self._parser.should_keep_alive() and not self._transport.get_write_buffer_size())

    def _end(self, *, fit: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self.fit = fit
            body = bytes(self._body[: self._most])
            self._answer.set_result(HttpResponse(self._parser.get_status_code(), self._headers, body))
        self._has_head = False

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    @property
    def _is_answered(self) -> bool:
        return self._answer is None or self._answer.done()
