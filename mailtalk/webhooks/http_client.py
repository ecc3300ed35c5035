"""Posting: one connection to a checked address, tries on it one after the other, each with a deadline of its own."""

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
from mailtalk.webhooks.ssrf import Forbidden, Guard, Target

DEADLINE = 5.0  # seconds of a try, from connecting to the end of the answer
TOO_LATE = f"no whole answer within {DEADLINE:g} s"
READ = 64_000  # bytes of an answer that are read
KEPT = 200  # characters of it that are kept
BUSY = frozenset({429, 502, 503, 504})  # the endpoint, not the event, is why it failed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a try came to; no status: nobody answered."""

    status: int | None
    text: str
    retry_after: timedelta | None = None
    is_pointless: bool = False  # nothing was sent, and there is no sense in trying

    @property
    def is_done(self) -> bool:
        """Whether the event was taken: 2xx, and nothing else."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint says that it is no more."""
        return self.status == HTTPStatus.GONE

    @property
    def is_away(self) -> bool:
        """Whether any other event would have failed too."""
        return self.status is None or self.status in BUSY


class Poster:
    """Tries of one run to one URL: the name is resolved and checked once, and the connection is kept."""

    def __init__(self, guard: Guard, url: str) -> None:
        self._guard, self._url = guard, url
        self._connection: HTTPConnection | None = None
        self._targets: Sequence[Target] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Try once."""
        try:
            self._targets = self._targets or self._guard.targets(self._url)
        except Forbidden as error:
            return Answer(None, f"the URL {error}")
        return self._within_deadline(body, headers)

    def _within_deadline(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        over = threading.Event()
        watch = threading.Timer(DEADLINE, self._cut, [over])
        watch.start()
        try:
            answer = self._try(body, headers)
            return self._failed(TOO_LATE) if over.is_set() else answer  # cut off, an answer may look whole
        except ssl.SSLCertVerificationError as error:
            return self._failed(f"its certificate: {error.verify_message}")
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            return self._failed(TOO_LATE if over.is_set() else f"no answer: {_name(error)}")
        finally:
            watch.cancel()

    def _try(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._connection is None:
            self._connection = _connected(self._targets)
        path, host = self._targets[0].path, self._targets[0].authority
        self._connection.request("POST", path, body, {"Host": host, **headers}, preload_content=False)
        response = self._connection.getresponse()
        text = response.read(READ, decode_content=False)
        retry_after = _retry_after(response.headers.get("Retry-After"))
        if len(text) >= READ:  # the rest of it would be taken for the next answer
            self._close()
        return Answer(response.status, _plain(text), retry_after)

    def _failed(self, text: str) -> Answer:
        self._close()
        return Answer(None, text)

    def _cut(self, over: threading.Event) -> None:
        """End a try whose time is over, wherever it is, by ending its connection under it."""
        over.set()
        connection = self._connection
        if connection is not None and isinstance(connection.sock, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connected(targets: Sequence[Target]) -> HTTPConnection:
    """A connection to the first address that takes one."""
    error: Exception = OSError("no address")
    for target in targets:
        connection = _connection(target, DEADLINE / len(targets))
        try:
            connection.connect()
        except (OSError, HTTPError) as refused:
            connection.close()
            error = refused
        else:
            if isinstance(connection.sock, socket.socket):
                connection.sock.settimeout(DEADLINE)
            return connection
    raise error


def _connection(target: Target, seconds: float) -> HTTPConnection:
    if not target.is_tls:
        return HTTPConnection(target.address, target.port, timeout=seconds)
    return HTTPSConnection(
        target.address,
        target.port,
        timeout=seconds,
        server_hostname=target.host.rstrip("."),
        ssl_context=tls.proven(),
    )


def _retry_after(text: str | None) -> timedelta | None:
    """The header's seconds or date (RFC 9110 10.2.3); None when it says nothing that can be read."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 8:  # noqa: PLR2004  years
        return timedelta(seconds=int(text))
    try:
        return max(parsedate_to_datetime(text) - datetime.now(UTC), timedelta(0))
    except (ValueError, TypeError):
        return None


def _plain(text: bytes) -> str:
    shown = text[: KEPT * 4].decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in shown)[:KEPT].strip()


def _name(error: Exception) -> str:
    """What went wrong, without the addresses that an error's text may have."""
    return type(error.__cause__ or error).__name__
