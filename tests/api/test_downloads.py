"""Files are sent in parts, as fast as their reader reads: ranges, memory and number."""

import socket
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from support.api_process import ApiProcess
from support.cast import Cast
from support.servers import serving
from support.sql import column, rows
from support.waiting import until

from api.downloads import NotSatisfiable, requested_range
from mailtalk import clock, files, sealed_parts
from mailtalk.files import Links
from mailtalk.keys import Keyring, SealBroken
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.models import Message
from mailtalk.settings.load import Settings

MB = 1_000_000
PART = sealed_parts.PART


def keep(cast: Cast, keyring: Keyring, content: bytes) -> dict[str, object]:
    """Keep a file in the conversation; gives the message's attachment."""
    cast.join("alice")
    file = MailAttachment("film.mp4", "video/mp4", content, None, inline=False)
    reference = files.reference(file)
    message = Message(
        app_id=cast.app_id,
        conversation_id=cast.conversation,
        id="msg_1",
        attachment=reference,
        created_at=clock.now(),
    )
    with cast.database.transaction() as session:
        files.keep(session, keyring, message, file)
    return reference


def link(settings: Settings, cast: Cast, keyring: Keyring, reference: dict[str, object], url: str = "") -> str:
    shown = Links(keyring, url or settings.base_url, 600).shown(cast.app_id, reference, clock.now())
    assert shown is not None
    return str(shown["url"])


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7])
def test_content_of_any_size_is_sealed_in_parts_that_cannot_be_moved(keyring: Keyring, size: int) -> None:
    content = bytes(i * 31 % 251 for i in range(1_000)) * (size // 1_000 + 1)
    content = content[:size]
    sealed = sealed_parts.seal(keyring, content, "file")
    assert sealed_parts.unseal(keyring, sealed, "file", size, PART) == content
    if size > 2 * PART:
        (first, length), (second, _) = sealed_parts.span(0, size, PART), sealed_parts.span(1, size, PART)
        swapped = sealed[second : second + length] + sealed[first:second] + sealed[second + length :]
        with pytest.raises(SealBroken):
            sealed_parts.unseal(keyring, swapped, "file", size, PART)
        with pytest.raises(SealBroken):
            sealed_parts.unseal(keyring, sealed, "file", 2 * PART, PART)


def test_a_file_that_was_sealed_as_a_whole_is_still_read(
    cast: Cast, keyring: Keyring, settings: Settings, api: str
) -> None:
    content = bytes(range(256)) * 1_000
    reference = keep(cast, keyring, content)
    whole = keyring.seal(content, about=f"file/{UUID(str(reference['fileId']))}")
    rows(cast.database, "UPDATE files SET content_sealed = :sealed, part_bytes = NULL", sealed=whole)
    url = link(settings, cast, keyring, reference)
    assert httpx.get(url).content == content
    assert httpx.get(url, headers={"Range": "bytes=200000-"}).content == content[200_000:]


def test_ranges(cast: Cast, keyring: Keyring, settings: Settings, api: str) -> None:
    content = bytes(i % 251 for i in range(3 * PART + 7))
    size, url = len(content), link(settings, cast, keyring, keep(cast, keyring, content))
    whole = httpx.get(url)
    assert (whole.status_code, whole.content, whole.headers["Accept-Ranges"]) == (200, content, "bytes")
    tag = whole.headers["ETag"]
    for asked, start, stop in (
        ("0-0", 0, 1),
        ("0-", 0, size),
        (f"{PART - 1}-{PART}", PART - 1, PART + 1),
        (f"{PART}-{2 * PART - 1}", PART, 2 * PART),
        ("-7", size - 7, size),
        (f"-{size * 2}", 0, size),
        (f"5-{size * 2}", 5, size),
    ):
        for condition in ({}, {"If-Range": tag}):
            got = httpx.get(url, headers={"Range": f"bytes={asked}", **condition})
            assert (got.status_code, got.content) == (206, content[start:stop]), asked
            assert got.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
            assert got.headers["Content-Disposition"] == whole.headers["Content-Disposition"]
    for odd in ("bytes=2-1", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=0-1;"):
        assert httpx.get(url, headers={"Range": odd}).status_code == 200
    for outside in (f"bytes={size}-", "bytes=-0", f"bytes={10**30}-"):
        got = httpx.get(url, headers={"Range": outside})
        assert (got.status_code, got.headers["Content-Range"]) == (416, f"bytes */{size}")
        assert got.json()["errorCode"] == "RANGE_NOT_SATISFIABLE"
    for stale in ('"other"', f"W/{tag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        got = httpx.get(url, headers={"Range": "bytes=0-0", "If-Range": stale})
        assert (got.status_code, len(got.content)) == (200, size)
    assert httpx.get(url, headers={"If-None-Match": tag}).status_code == 304
    head = httpx.head(url, headers={"Range": "bytes=0-0"})
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(size), b"")


def test_an_empty_file_has_no_range(cast: Cast, keyring: Keyring, settings: Settings, api: str) -> None:
    url = link(settings, cast, keyring, keep(cast, keyring, b""))
    assert httpx.get(url).content == b""
    assert httpx.get(url, headers={"Range": "bytes=0-"}).status_code == 416
    with pytest.raises(NotSatisfiable):
        requested_range("bytes=-5", 0)


def test_sixty_slow_readers_of_a_large_file_take_little_memory(
    cast: Cast, keyring: Keyring, settings: Settings, tmp_path: Path
) -> None:
    reference = keep(cast, keyring, bytes(17_500_000))
    values = {"database_url": settings.require("database_url"), "redis_url": settings.require("redis_url")}
    with ApiProcess(tmp_path / "log", http_downloads=400, **values) as api, ExitStack() as ends:
        url = link(settings, cast, keyring, reference, api.url)
        assert len(httpx.get(url).content) == 17_500_000
        before = api.memory()
        request = f"GET {url.removeprefix(api.url)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        for _ in range(60):
            reader = ends.enter_context(socket.create_connection(api.where, timeout=30))
            reader.sendall(request)
            assert reader.recv(1_000).startswith(b"HTTP/1.1 200 ")
        assert len(httpx.get(url).content) == 17_500_000  # by now each of the others has what it will take
        assert api.peak() - before < 120


def test_downloads_are_limited_in_number_and_one_host_has_a_fourth(
    cast: Cast, keyring: Keyring, settings: Settings
) -> None:
    reference = keep(cast, keyring, bytes(20 * MB))
    few = settings.model_copy(update={"http_downloads": 4})
    with serving(few) as base, ExitStack() as ends:
        url = link(few, cast, keyring, reference, base)
        request = f"GET {url.removeprefix(base)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

        def ask(source: str) -> tuple[socket.socket, bytes]:
            reader = ends.enter_context(
                socket.create_connection((few.api_host, few.api_port), timeout=30, source_address=(source, 0))
            )
            reader.sendall(request)
            return reader, reader.recv(13)

        first, head = ask("127.0.0.1")
        assert head == b"HTTP/1.1 200 "
        assert ask("127.0.0.1")[1] == b"HTTP/1.1 503 "
        for i in range(2, 5):
            assert ask(f"127.0.0.{i}")[1] == b"HTTP/1.1 200 "
        assert ask("127.0.0.5")[1] == b"HTTP/1.1 503 "
        first.close()
        until(lambda: ask("127.0.0.1")[1] == b"HTTP/1.1 200 ")


def test_a_file_that_is_deleted_while_it_is_sent_ends_early(cast: Cast, keyring: Keyring, settings: Settings) -> None:
    reference = keep(cast, keyring, bytes(20 * MB))
    with serving(settings) as base, httpx.stream("GET", link(settings, cast, keyring, reference, base)) as response:
        pieces = response.iter_raw()
        next(pieces)
        rows(cast.database, "DELETE FROM files")
        assert column(cast.database, "SELECT 1 FROM files") == []
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
