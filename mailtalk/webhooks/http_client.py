"""HTTP client of one endpoint: a kept connection to a checked address, and a deadline for each request."""

import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from types import TracebackType
from typing import Self

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from mailtalk import tls
from mailtalk.webhooks.ssrf import CheckedTarget, ForbiddenUrl, SsrfGuard

DEADLINE = 5.0  # seconds of an attempt, from connecting to the end of the response
TOO_LATE = f"no complete response within {DEADLINE:g} s"
READ = 64_000  # bytes of a response that are read
KEPT = 200  # characters of it that are kept
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
    """Requests to one URL: the host is resolved and checked once, and the connection is kept."""

    def __init__(self, guard: SsrfGuard, url: str) -> None:
        self._guard, self._url = guard, url
        self._connection: HTTPConnection | None = None
        self._targets: Sequence[CheckedTarget] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def post(self, body: bytes, headers: Mapping[str, str]) -> HttpResult:
        """Send one POST; trouble of any kind is in the result."""
        try:
            self._targets = self._targets or self._guard.targets(self._url)
        except ForbiddenUrl as error:
            return HttpResult(None, f"URL not allowed: {error}")
        return self._within_deadline(body, headers)

    def _within_deadline(self, body: bytes, headers: Mapping[str, str]) -> HttpResult:
        expired = threading.Event()
        deadline = threading.Timer(DEADLINE, self._cut, [expired])
        deadline.start()
        try:
            result = self._send(body, headers)
            return self._failed(TOO_LATE) if expired.is_set() else result  # cut off, a response may look complete
        except ssl.SSLCertVerificationError as error:
            return self._failed(f"certificate not trusted: {error.verify_message}")
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            return self._failed(TOO_LATE if expired.is_set() else f"no response: {_name(error)}")
        finally:
            deadline.cancel()

    def _send(self, body: bytes, headers: Mapping[str, str]) -> HttpResult:
        if self._connection is None:
            self._connection = _connect(self._targets)
        path, host = self._targets[0].path, self._targets[0].authority
        self._connection.request("POST", path, body, {"Host": host, **headers}, preload_content=False)
        response = self._connection.getresponse()
        text = response.read(READ, decode_content=False)
        retry_after = _retry_after(response.headers.get("Retry-After"))
        if len(text) >= READ:  # its rest would be read as the next response
            self._close()
        return HttpResult(response.status, _plain(text), retry_after)

    def _failed(self, text: str) -> HttpResult:
        self._close()
        return HttpResult(None, text)

    def _cut(self, expired: threading.Event) -> None:
        """End an attempt at its deadline, wherever it is, by shutting its connection down."""
        expired.set()
        connection = self._connection
        if connection is not None and isinstance(connection.sock, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(targets: Sequence[CheckedTarget]) -> HTTPConnection:
    """Connect to the first address that accepts."""
    error: Exception = OSError("no address")
    for target in targets:
        connection = _connection(target, DEADLINE / len(targets))
        try:
            connection.connect()
        except (OSError, HTTPError) as failure:
            connection.close()
            error = failure
        else:
            if isinstance(connection.sock, socket.socket):
                connection.sock.settimeout(DEADLINE)
            return connection
    raise error


def _connection(target: CheckedTarget, seconds: float) -> HTTPConnection:
    if not target.is_tls:
        return HTTPConnection(target.address, target.port, timeout=seconds)
    return HTTPSConnection(
        target.address,
        target.port,
        timeout=seconds,
        server_hostname=target.host.rstrip("."),
        ssl_context=tls.verified(),
    )


def _retry_after(text: str | None) -> timedelta | None:
    """Retry-After in seconds or as a date (RFC 9110 10.2.3); None if missing or unreadable."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 8:  # noqa: PLR2004  years
        return timedelta(seconds=int(text))
    try:
        return max(parsedate_to_datetime(text) - datetime.now(UTC), timedelta(0))
    except (ValueError, TypeError):
        return None


def _plain(text: bytes) -> str:
    beginning = text[: KEPT * 4].decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in beginning)[:KEPT].strip()


def _name(error: Exception) -> str:
    """Class name of the error alone: its text may hold addresses."""
    return type(error.__cause__ or error).__name__
