"""LMTP over real sockets (RFC 2033)."""

from collections.abc import Iterator

import pytest
from support.cast import Cast
from support.raw_smtp import POSTMASTER, Talk
from support.servers import bridging, free_port
from support.smtp_client import DOMAIN, MAIL, address_of, kept
from support.sql import rows

from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings

OK = "250 2.0.0 OK: queued"


@pytest.fixture
def where(settings: Settings) -> Iterator[tuple[str, int]]:
    port = free_port()
    limits = {"smtp_message_bytes": 100_000, "smtp_proxy_from": "127.0.0.0/8"}
    with bridging(settings.model_copy(update={"lmtp_port": port, **limits})) as (host, _):
        yield host, port


def test_each_recipient_that_was_agreed_to_has_its_answer(cast: Cast, keyring: Keyring, where: tuple[str, int]) -> None:
    cast.join("alice", "bob")
    alice, bob = address_of(cast, keyring, "alice"), address_of(cast, keyring, "bob")
    with Talk(where) as talk:
        assert talk.begin(alice, f"nobody@{DOMAIN}", bob, POSTMASTER, bob, greeting="LHLO").startswith("354 ")
        talk.send(MAIL + b".\r\n")
        assert [talk.hear() for _ in range(4)] == [OK] * 4
        assert talk.say("NOOP") == "250 2.0.0 OK"
    assert kept(cast) == [MAIL]
    assert [tuple(each) for each in rows(cast.database, "SELECT client_ip, helo FROM raw_mails")] == [(None, None)]


def test_what_is_refused_or_put_off_is_so_for_each(cast: Cast, where: tuple[str, int]) -> None:
    with Talk(where) as talk:
        talk.begin(POSTMASTER, POSTMASTER, greeting="LHLO")
        talk.send(b"x" * 150_000 + b"\r\n.\r\n")
        assert [talk.hear()[:9] for _ in range(2)] == ["552 5.3.4"] * 2
        rows(cast.database, "ALTER TABLE raw_mails RENAME TO away")
        talk.begin(POSTMASTER, POSTMASTER, greeting="LHLO")
        talk.send(MAIL + b".\r\n")
        assert [talk.hear()[:9] for _ in range(2)] == ["451 4.3.0"] * 2
        assert talk.say("NOOP") == "250 2.0.0 OK"


def test_it_speaks_lmtp_alone(where: tuple[str, int]) -> None:
    with Talk(where) as talk:
        assert talk.greeting == f"220 {DOMAIN} LMTP Mailtalk"
        assert talk.say("EHLO client.example").startswith("500 5.5.2 ")
        assert talk.say("HELO client.example").startswith("500 5.5.2 ")
        assert talk.say("MAIL FROM:<>").startswith("503 5.5.1 ")
        able = talk.say("LHLO client.example")
        assert {"250-PIPELINING", "250 ENHANCEDSTATUSCODES", "250-8BITMIME"} <= set(able.splitlines())
        assert talk.say("MAIL FROM:<>", "DATA").startswith("503 5.5.1 ")
