"""Whose mail it is: the client's address and name, also through a proxy."""

from contextlib import ExitStack
from typing import Any

import pytest
from support.cast import Cast
from support.raw_smtp import Talk
from support.servers import bridging, make_settings
from support.sql import rows

from mailtalk.settings.load import Settings

NOWHERE = {"database_url": "postgresql://127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1"}
PROXIED = {"smtp_proxy_from": "127.0.0.0/8, ::1"}
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n"
V1_6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x08\xc6\x33\x64\x01\x9c\x40\x00\x19"
V2_LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
UNKNOWN = b"PROXY UNKNOWN\r\n"


def origins(cast: Cast) -> list[tuple[Any, ...]]:
    return [tuple(each) for each in rows(cast.database, "SELECT client_ip, helo FROM raw_mails ORDER BY id")]


def test_the_address_and_the_name_are_kept_with_the_mail(cast: Cast, bridge: tuple[str, int]) -> None:
    for name in (b"mx.example.com", b"[192.0.2.1]", b"m\x00x\xff", b"x" * 1_000):
        with Talk(bridge) as talk:
            talk.send(b"EHLO " + name + b"\r\n")
            talk.hear()
            talk.say("MAIL FROM:<>", "RCPT TO:<postmaster>", "DATA")
            assert talk.say(".").startswith("250 ")
    names = ["mx.example.com", "[192.0.2.1]", "mx\ufffd", "x" * 255]
    assert origins(cast) == [("127.0.0.1", name) for name in names]


def test_a_proxy_tells_whose_connection_it_is(settings: Settings, cast: Cast) -> None:
    with bridging(settings.model_copy(update=PROXIED)) as where:
        for header in (V1, V1_6, V2, V2_LOCAL, UNKNOWN):
            with Talk(where, header) as talk:
                assert talk.post().startswith("250 ")
    addresses = ["192.0.2.7", "2001:db8::7", "192.0.2.8", None, None]
    assert origins(cast) == [(each, "client.example") for each in addresses]


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO x\r\n",
        b"PROXY\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 70000\r\n",
        b"PROXY TCP4 2001:db8::7 198.51.100.1 40000 25\r\n",
        b"PROXY " + b"x" * 50_000,
        V2[:12] + b"\x31" + V2[13:],
    ],
)
def test_a_proxy_that_tells_nothing_is_hung_up_on(header: bytes) -> None:
    with bridging(make_settings(**NOWHERE, **PROXIED)) as where, Talk(where, header) as talk:
        assert talk.greeting == ""


def test_a_proxy_has_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_bridge.proxy.PATIENCE", 0.1)
    with bridging(make_settings(**NOWHERE, **PROXIED)) as where, Talk(where, b"PRO") as talk:
        assert talk.greeting == ""


def test_who_is_no_proxy_is_not_believed() -> None:
    settings = make_settings(**NOWHERE, smtp_proxy_from="192.0.2.0/24")
    with bridging(settings) as where, Talk(where, V1) as talk:
        assert talk.greeting.startswith("220 ")
        assert talk.hear().startswith("500 ")


def test_sessions_are_counted_for_the_client_behind_the_proxy() -> None:
    with bridging(make_settings(**NOWHERE, **PROXIED, smtp_sessions_per_host=2)) as where, ExitStack() as ends:

        def greeting(header: bytes) -> str:
            return ends.enter_context(Talk(where, header)).greeting[:3]

        assert [greeting(each) for each in (V1, V1, V1, V2, V2_LOCAL, V2_LOCAL, V2_LOCAL)] == [
            "220", "220", "421", "220", "220", "220", "220",
        ]  # fmt: skip
        sixes = [f"PROXY TCP6 2001:db8::{n} 2001:db8::1 4000 25\r\n".encode() for n in range(3)]
        assert [greeting(each) for each in sixes] == ["220", "220", "421"]  # one /64 is one host
