"""Connections of the HTTP API under attack: slow, endless, too many; others are served meanwhile."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import make_settings, serving

from mailtalk.settings.load import Settings

NOWHERE = {"database_url": "postgresql://127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1"}
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/demo/users HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def door(**settings: Any) -> Iterator[tuple[str, int]]:
    made = make_settings(**NOWHERE, **settings)
    with serving(made):
        yield made.api_host, made.api_port


def connect(where: tuple[str, int], source: str = "127.0.0.1") -> socket.socket:
    connection = socket.create_connection(where, timeout=20, source_address=(source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def heard(connection: socket.socket) -> bytes:
    """Everything until they hang up."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def pour(connection: socket.socket, data: bytes) -> None:
    """Send this again and again, as long as it is taken, without taking all of the processor."""
    for _ in range(50_000):
        connection.sendall(data)
        time.sleep(0.001)


def asked(where: tuple[str, int], source: str = "127.0.0.1", request: bytes = GET) -> bytes:
    with connect(where, source) as connection:
        connection.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        return heard(connection)


@pytest.mark.parametrize("first", [b"", b"GET /healthz HTTP/1.1\r\nX-Slow: ", b"\r\n", GET + b"\r\n", GET + b"GET "])
def test_a_slow_header_is_cut_off_and_one_byte_after_the_other_does_not_extend_it(first: bytes) -> None:
    with door(http_header_seconds=0.6) as where, connect(where) as slow:
        slow.sendall(first)
        began, slow_heard = time.monotonic(), b""
        slow.settimeout(0.1)
        while True:
            try:
                slow.sendall(b"\n" if first in {b"\r\n", GET + b"\r\n"} else b"x" if first else b"")
                part = slow.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not part:
                break
            slow_heard += part
        assert time.monotonic() - began < 10
        assert b"HTTP/1.1 408 " in slow_heard
        assert (b"HTTP/1.1 200 " in slow_heard) == first.startswith(GET)


def test_a_slow_body_is_cut_off(monkeypatch: pytest.MonkeyPatch, cast: Cast, settings: Settings) -> None:
    monkeypatch.setattr("api.connection.SPEED_WINDOW", 0.3)
    with serving(settings), connect((settings.api_host, settings.api_port)) as slow:
        slow.sendall(_post(cast, 1_000))
        slow.sendall(b"{")
        assert heard(slow).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_never_ends_is_cut_off(cast: Cast, settings: Settings) -> None:
    hasty = settings.model_copy(update={"http_body_seconds": 0.5, "http_bytes_per_second": 0})
    with serving(hasty), connect((hasty.api_host, hasty.api_port)) as slow:
        slow.sendall(_post(cast, 1_000))
        assert heard(slow).startswith(b"HTTP/1.1 408 ")


def _post(cast: Cast, size: int) -> bytes:
    head = f"PUT /v1/{cast.app_id}/users/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {cast.secret}\r\n"
    return f"{head}Content-Length: {size}\r\n\r\n".encode()


def test_a_body_that_nobody_wants_is_not_read_for_ever() -> None:
    with door() as where, connect(where) as endless:
        endless.sendall(POST % 10**12)
        with pytest.raises(OSError, match=r"reset|pipe"):
            pour(endless, b"x" * 65536)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"x" * 40_000,
        b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 8_000,
        b"\r\n" * 20_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 20_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 80_000,
    ],
)
def test_a_header_is_at_most_32_kb(request_: bytes) -> None:
    with door() as where:
        with connect(where) as large:
            try:
                large.sendall(request_)
            except OSError:
                return
            assert b"HTTP/1.1 431 " in (got := heard(large)) or got == b""
        fits = GET.replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 31_000 + b"\r\n\r\n")
        assert asked(where, request=fits).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("request_", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"A / HTTP/9\r\n\r\n"])
def test_what_is_no_http_is_refused_in_the_form_of_all_errors(request_: bytes) -> None:
    with door() as where, connect(where) as connection:
        connection.sendall(request_)
        head, _, body = heard(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert body == b'{"errorCode":"BAD_REQUEST","reasons":["is not a valid HTTP/1.1 request"]}'


def test_six_endless_headers_do_not_slow_others() -> None:
    with door() as where, ExitStack() as ends:
        asked(where)
        for _ in range(6):
            endless = ends.enter_context(connect(where))
            endless.sendall(b"GET / HTTP/1.1\r\nX-Endless: ")
        connections = [ends.enter_context(connect(where)) for _ in range(6)]
        for connection in connections:
            connection.sendall(b"GET / HTTP/1.1\r\nX-Endless: ")
        began = time.monotonic()
        for connection in connections:
            try:
                for _ in range(64):
                    connection.sendall(b"x" * 65536)
            except OSError:
                pass
        assert asked(where).startswith(b"HTTP/1.1 200 ")
        assert time.monotonic() - began < 5
        for connection in connections:
            heard(connection)


def test_half_open_connections_from_one_address_leave_room_for_others() -> None:
    with door() as where, ExitStack() as ends:
        half_open = []
        for _ in range(2_050):
            half_open.append(ends.enter_context(connect(where, "127.0.0.2")))
            half_open[-1].sendall(b"GET /healthz HTTP/1.1\r\n")
        for source in ("127.0.0.1", "127.0.0.2"):  # even from the same address: the oldest one gives way
            began = time.monotonic()
            assert asked(where, source).startswith(b"HTTP/1.1 200 ")
            assert time.monotonic() - began < 1
        assert sum(not is_closed(each) for each in half_open) <= 1_000


def test_kept_connections_give_way_only_after_half_open_ones_and_requests_never() -> None:
    with door(http_connections=3, http_connections_per_host=3) as where, ExitStack() as ends:
        kept, *half_open = (ends.enter_context(connect(where)) for _ in range(3))
        kept.sendall(GET)
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
        newer = [ends.enter_context(connect(where)) for _ in range(2)]
        for connection in newer:
            connection.sendall(GET)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert [heard(each) for each in half_open] == [b"", b""]
        assert not is_closed(kept)
        assert asked(where).startswith(b"HTTP/1.1 200 ")
        kept.setblocking(True)
        assert not heard(kept).startswith(b"HTTP")  # at most the rest of its first answer, and then they hang up
        assert not is_closed(newer[1])


def test_connections_with_requests_are_kept_and_the_next_one_is_refused(cast: Cast, settings: Settings) -> None:
    few = settings.model_copy(update={"http_connections_per_host": 2, "wait_seconds": 60})
    cast.join("alice")
    with serving(few) as url, ExitStack() as ends:
        where = few.api_host, few.api_port
        for _ in range(2):
            body = b"{}"
            busy = ends.enter_context(connect(where))
            path = f"PUT /v1/{cast.app_id}/conversations/hello/participants/bob HTTP/1.1\r\nHost: x\r\n"
            busy.sendall(f"{path}Authorization: Bearer {cast.secret}\r\nContent-Length: 2\r\n\r\n".encode() + body)
        time.sleep(0.5)  # no event says that both are waiting: there is no worker
        refused = asked(where)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in refused
        assert asked(where, "127.0.0.2").startswith(b"HTTP/1.1 200 ")
        assert url


def test_pipelined_requests_are_few() -> None:
    with door() as where, connect(where) as connection:
        connection.sendall(GET * 20)
        connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert heard(connection).count(b"HTTP/1.1 200 ") == 21
    with door() as where, connect(where) as connection:
        connection.sendall(GET * 800)
        assert heard(connection).count(b"HTTP/1.1 200 ") < 100


def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.connection.SPEED_WINDOW", 0.3)
    with door() as where, connect(where) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        with pytest.raises(OSError, match=r"reset|pipe|timed out"):
            pour(deaf, request)


def test_a_kept_connection_ends_after_its_time() -> None:
    with door(http_keep_alive_seconds=1) as where, connect(where) as kept:
        kept.sendall(GET)
        answer = heard(kept)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_proxy_has_no_limit_of_its_own() -> None:
    with door(http_connections_per_host=1, http_proxy_from="127.0.0.1/32") as where, ExitStack() as ends:
        for _ in range(3):
            connection = ends.enter_context(connect(where))
            connection.sendall(GET)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_upgrade_that_is_not_offered_is_an_ordinary_request() -> None:
    with door() as where, connect(where) as connection:
        connection.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"))
        got = heard(connection)
        assert got.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in got


def test_an_ordinary_client_notices_nothing(cast: Cast, settings: Settings) -> None:
    with serving(settings) as url, httpx.Client(headers={"Authorization": f"Bearer {cast.secret}"}) as http:
        for _ in range(3):
            body = b'{"name": "' + b"x" * 900 + b'", "custom": {"x": "' + b"y" * 50_000 + b'"}}'
            answer = http.put(f"{url}/v1/{cast.app_id}/users/x", content=iter([body[:10], body[10:]]))
            assert answer.status_code in {200, 400}
            assert http.get(f"{url}/v1/{cast.app_id}/users/alice").status_code == 200
