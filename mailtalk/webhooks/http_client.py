"""HTTP client of one endpoint: kept connections to checked addresses, and a deadline for each request."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade

from mailtalk import tls
from mailtalk.webhooks.http_protocol import READ, HttpProtocol, Stale
from mailtalk.webhooks.ssrf import CheckedTarget, ForbiddenUrl, SsrfGuard

DEADLINE = 5.0  # seconds of an attempt, from resolving the host to the end of the response
TOO_LATE = f"no complete response within {DEADLINE:g} s"
IDLE = 4.0  # seconds a connection is kept unused; many servers close it after five
AGE = 60.0  # seconds a connection is used, so that a change of the host's addresses is followed
KEPT = 200  # characters of a response that are kept
BUSY = frozenset({429, 502, 503, 504})  # statuses that blame the endpoint, not the event


@dataclass(frozen=True, slots=True)
class HttpResult:
    """Outcome of an attempt: status and beginning of the response; no status: no response, and `text` says why."""

    status: int | None
    text: str
    retry_after: timedelta | None = None
    is_pointless: bool = False  # nothing was sent, and no attempt can succeed

    @property
    def is_success(self) -> bool:
        """True for 2xx."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_gone(self) -> bool:
        """True for 410 Gone."""
        return self.status == HTTPStatus.GONE

    @property
    def is_away(self) -> bool:
        """True if any other event would have failed too."""
        return self.status is None or self.status in BUSY


class EndpointClient:
    """Requests to one URL over kept connections, each to an address that was checked; for one event loop."""

    def __init__(self, guard: SsrfGuard, url: str) -> None:
        self._guard, self._url = guard, url
        self._idle: list[_Connection] = []
        self._posts = 0  # in progress

    async def post(self, body: bytes, headers: Mapping[str, str]) -> HttpResult:
        """Send one POST; trouble of any kind is in the result."""
        self._posts += 1
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._send(body, headers)
        except ForbiddenUrl as error:
            return HttpResult(None, f"URL not allowed: {error}")
        except TimeoutError:
            return HttpResult(None, TOO_LATE)
        except ssl.SSLCertVerificationError as error:
            return HttpResult(None, f"certificate not trusted: {error.verify_message}")
        except (OSError, HttpParserError, HttpParserUpgrade, ValueError) as error:
            return HttpResult(None, f"no response: {type(error).__name__}")
        finally:
            self._posts -= 1

    def tidy(self) -> bool:
        """Close connections that are old or were not used for a while; False if the client is no longer in use."""
        now = asyncio.get_running_loop().time()
        for connection in self._idle:
            if now - connection.protocol.used_at > IDLE or now - connection.protocol.opened_at > AGE:
                connection.protocol.close()
        self._idle = [connection for connection in self._idle if connection.protocol.fit]
        return bool(self._idle or self._posts)

    def close(self) -> None:
        """Close the idle connections."""
        for connection in self._idle:
            connection.protocol.close()
        self._idle.clear()

    async def _send(self, body: bytes, headers: Mapping[str, str]) -> HttpResult:
        while self._idle:
            with suppress(Stale):
                return await self._exchange(self._idle.pop(), body, headers)
        return await self._exchange(await self._connected(), body, headers)

    async def _exchange(self, connection: "_Connection", body: bytes, headers: Mapping[str, str]) -> HttpResult:
        protocol = connection.protocol
        try:
            response = await protocol.exchange(_request(connection.target, body, headers))
        except BaseException:
            protocol.close()
            raise
        if protocol.fit:
            self._idle.append(connection)
        else:
            protocol.close()
        return HttpResult(response.status, _plain(response.body), _retry_after(response.headers.get(b"retry-after")))

    async def _connected(self) -> "_Connection":
        """Connection to the first address that accepts."""
        loop, error = asyncio.get_running_loop(), OSError("no address")
        targets = await loop.run_in_executor(None, self._guard.targets, self._url)
        for target in targets:
            try:
                async with asyncio.timeout(DEADLINE / len(targets)):
                    return _Connection(target, await connect(target))
            except OSError as failure:
                error = failure
        raise error


class _Connection(NamedTuple):
    target: CheckedTarget
    protocol: HttpProtocol


async def connect(target: CheckedTarget, most: int = READ) -> HttpProtocol:
    """Connect to a checked address; at most `most` bytes of a response will be read. OSError."""
    _, protocol = await asyncio.get_running_loop().create_connection(
        partial(HttpProtocol, most),
        target.address,
        target.port,
        ssl=tls.verified() if target.is_tls else None,
        server_hostname=target.host.rstrip(".") if target.is_tls else None,
    )
    return protocol


def _request(target: CheckedTarget, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {target.path} HTTP/1.1\r\nHost: {target.authority}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def _retry_after(value: bytes | None) -> timedelta | None:
    """Retry-After in seconds or as a date (RFC 9110 10.2.3); None if missing or unreadable."""
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdecimal() and len(text) < 8:  # noqa: PLR2004  years
        return timedelta(seconds=int(text))
    try:
        return max(parsedate_to_datetime(text) - datetime.now(UTC), timedelta(0))
    except (ValueError, TypeError):
        return None


def _plain(text: bytes) -> str:
    beginning = text[: KEPT * 4].decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in beginning)[:KEPT].strip()
