"""Posting: to the checked address and no other, within its time, whatever the other side does."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from support import certificates
from support.webhook_receiver import PRIVATE, webhook_receiver

from mailtalk import tls
from mailtalk.webhooks import http_client
from mailtalk.webhooks.http_client import EndpointClient, HttpResult
from mailtalk.webhooks.ssrf import SsrfGuard


def posted(url: str, guard: SsrfGuard = PRIVATE, times: int = 1) -> list[HttpResult]:
    async def post() -> list[HttpResult]:
        with closing(EndpointClient(guard, url)) as client:
            return [await client.post(b"{}", {"Content-Type": "application/json"}) for _ in range(times)]

    return asyncio.run(post())


@contextmanager
def raw(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that does with each connection what a test wants."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("status", "done", "away"),
    [
        *((status, True, False) for status in (200, 204, 299)),
        *((status, False, False) for status in (301, 302, 400, 500)),
        *((status, False, True) for status in (429, 502, 503, 504)),
    ],
)
def test_2xx_alone_is_done(status: int, *, done: bool, away: bool) -> None:
    with webhook_receiver() as receiver:
        receiver.answer = lambda _request: (status, {})
        (answer,) = posted(receiver.url)
    assert (answer.status, answer.is_success, answer.is_away, answer.is_gone) == (status, done, away, False)


def test_a_redirect_is_followed_nowhere() -> None:
    with webhook_receiver() as private, webhook_receiver() as receiver:
        receiver.answer = lambda _request: (302, {"Location": private.url})
        assert [each.status for each in posted(receiver.url, times=2)] == [302, 302]
        assert private.requests == []


def test_a_run_keeps_its_connection() -> None:
    with webhook_receiver() as receiver:
        posted(receiver.url, times=5)
        assert (len(receiver.requests), receiver.connections) == (5, 1)
        assert receiver.requests[0].headers["host"] == receiver.url.split("/")[2]


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook_receiver() as proxy, webhook_receiver() as receiver:
        for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert posted(receiver.url)[0].is_success
        assert proxy.requests == []


def test_it_connects_to_the_address_that_was_checked_whatever_the_name_says_next() -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.9"]

    with webhook_receiver() as receiver:
        guard = SsrfGuard("127.0.0.1/32", rebinding)  # the one public address of this test
        url = receiver.url.replace("127.0.0.1", "changing.example")
        assert [each.status for each in posted(url, guard, times=3)] == [200, 200, 200]
        assert asked == ["changing.example"]
        assert posted(url, guard) == [HttpResult(None, "URL not allowed: the host has an address that is not public")]
        assert len(receiver.requests) == 3


@pytest.mark.parametrize("way", ["says nothing", "drips its head", "drips its body"])
def test_a_try_ends_in_its_time(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(http_client, "DEADLINE", 0.5)
    over = threading.Event()

    def slow(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(
            {"says nothing": b"", "drips its head": b"HTTP/1.1 200 OK\r\nX: ", "drips its body": head}[way]
        )
        while not over.wait(0.05) and way != "says nothing":
            connection.sendall(b"x")

    with raw(slow) as url:
        began = time.monotonic()
        (answer,) = posted(url)
        over.set()
    assert (answer.status, answer.is_success) == (None, False)
    assert time.monotonic() - began < 30  # far from for ever


def test_of_an_endless_answer_little_is_read_and_less_is_kept() -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(b"z" * 65_536)

    with raw(flood) as url:
        (answer,) = posted(url)
    assert answer.is_success
    assert answer.text == "z" * http_client.KEPT


@contextmanager
def answering(*connections: Sequence[bytes]) -> Iterator[str]:
    """A server that gives each connection its answers, one for each request, and then closes it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            for answers in connections:
                connection, _ = server.accept()
                with connection:
                    for answer in answers:
                        connection.recv(10_000)
                        connection.sendall(answer)
                    connection.recv(10_000 if len(answers) > 1 else 0)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


GOOD = b"HTTP/1.1 204 No Content\r\n\r\n"


def test_a_kept_connection_that_was_closed_costs_no_attempt() -> None:
    with answering([GOOD, GOOD], [GOOD]) as url:  # the third request meets a closed connection
        assert [each.status for each in posted(url, times=3)] == [204, 204, 204]


def test_a_second_response_is_no_answer_to_the_next_request() -> None:
    bad = GOOD.replace(b"204 No Content", b"500 No")
    with answering([GOOD + bad], [GOOD]) as url:
        assert [each.status for each in posted(url, times=2)] == [204, 204]


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nall", 200),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nall", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n", None),
        (b"HTTP/1.1 200 OK\r\nX: ", None),
        (b"not HTTP\r\n\r\n", None),
        (b"", None),
    ],
)
def test_only_a_whole_response_is_one(response: bytes, status: int | None) -> None:
    with answering([response]) as url:
        (answer,) = posted(url)
    assert (answer.status, answer.text) == (status, answer.text if status is None else "all")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("0", 0), ("-1", None), ("soon", None), ("99999999999", None), ("date", 3600), ("old", 0)],
)
def test_retry_after_in_seconds_or_as_a_date(said: str, seconds: int | None) -> None:
    now = datetime.now(UTC)
    said = {
        "date": format_datetime(now + timedelta(hours=1), usegmt=True),
        "old": format_datetime(now - timedelta(1)),
    }.get(said, said)
    with webhook_receiver() as receiver:
        receiver.answer = lambda _request: (503, {"Retry-After": said})
        (answer,) = posted(receiver.url)
    if seconds is None:
        assert answer.retry_after is None
    else:
        assert answer.retry_after is not None
        assert abs(answer.retry_after.total_seconds() - seconds) <= 60


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A certificate and its key; the machine trusts it and no other."""
    chain = certificates.make(tmp_path, "hook.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(chain[0]))
    tls.verified.cache_clear()
    yield chain
    tls.verified.cache_clear()


@pytest.mark.parametrize(("name", "good"), [("hook.example", True), ("other.example", False)])
def test_tls_is_for_the_name_while_the_connection_is_to_the_address(
    trusted: tuple[Path, Path], name: str, *, good: bool
) -> None:
    asked: list[str | None] = []
    with webhook_receiver() as receiver, tls_before(receiver.url, trusted, asked) as port:
        guard = SsrfGuard("127.0.0.1/32", lambda _host, _port: ["127.0.0.1"])
        (answer,) = posted(f"https://{name}:{port}/x", guard)
    assert asked == [name]
    assert answer.is_success is good
    if good:
        assert receiver.requests[0].headers["host"] == f"{name}:{port}"
    else:
        assert answer.text.startswith("certificate not trusted: ")


@contextmanager
def tls_before(url: str, chain: tuple[Path, Path], asked: list[str | None]) -> Iterator[int]:
    """A TLS server that hands what it gets to the receiver, as its own handler would."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*chain)
    context.sni_callback = lambda _connection, name, _context: asked.append(name)
    inner = ("127.0.0.1", int(url.split(":")[2].split("/", maxsplit=1)[0]))
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            plain, _ = server.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as outside, socket.create_connection(inner) as inside:
                    while b"{}" not in (part := outside.recv(65_536)):
                        if not part:
                            return
                        inside.sendall(part)
                    inside.sendall(part)
                    outside.sendall(inside.recv(65_536))
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()
