"""Downloads: files streamed from the database in parts, no faster than the client reads, limited in number."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.request import Services
from mailtalk import files, hosts
from mailtalk.errors import Unavailable
from mailtalk.models import File

SHARE = 4  # of all downloads, one host has a fourth at most
_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)", re.ASCII)


class NotSatisfiable(Exception):
    """A range that lies outside the file."""


class Downloads:
    """Counter of the files that are being sent."""

    def __init__(self, most: int) -> None:
        self._most, self._most_per_host = most, max(most // SHARE, 1)
        self._hosts: Counter[str] = Counter()

    @contextmanager
    def one(self, host: str) -> Iterator[None]:
        """Count a download while the block runs. Unavailable if there are too many."""
        if self._hosts.total() >= self._most or self._hosts[host] >= self._most_per_host:
            raise Unavailable("too many downloads; see MAILTALK_HTTP_DOWNLOADS")
        self._hosts[host] += 1
        try:
            yield
        finally:
            self._hosts[host] -= 1
            self._hosts += Counter()  # drops what is zero


class FileStream(StreamingResponse):
    """Response with a file, or the bytes of it in a range; one of them is in memory at a time: a part."""

    def __init__(self, services: Services, file: File, span: range, status: int, headers: Mapping[str, str]) -> None:
        length = {"Content-Length": str(len(span))}
        super().__init__(_parts(services, file, span), status, {**headers, **length})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, unless there are too many downloads."""
        downloads: Downloads = scope["app"].state.downloads
        with downloads.one(hosts.key(scope["client"] and scope["client"][0])):
            await super().__call__(scope, receive, send)


def requested_range(header: str | None, size: int) -> range | None:
    """Bytes that a Range header asks for (RFC 9110 14.2); None for no range, several, or one that cannot be read.

    Raises NotSatisfiable.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or not match["first"] + match["last"]:
        return None
    if not match["first"]:
        span = range(max(size - int(match["last"]), 0), size)
    elif match["last"] and int(match["last"]) < int(match["first"]):
        return None
    else:
        span = range(int(match["first"]), min(int(match["last"] or size) + 1, size))
    if not span:
        raise NotSatisfiable
    return span


async def _parts(services: Services, file: File, span: range) -> AsyncIterator[bytes]:
    """Read a file part by part; no connection to the database is held while the client reads."""
    part = files.part_bytes(file)
    for number in range(span.start // part, -(-span.stop // part)):
        content = await services.transact(partial(files.part, keyring=services.keyring, file=file, number=number))
        if content is None:
            return
        start = number * part
        yield content[max(span.start - start, 0) : span.stop - start]
