"""What one host may deliver, what the postmaster and bounce addresses get, and who gives way when all is full."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from support.cast import Cast
from support.raw_smtp import POSTMASTER, Talk
from support.servers import bridging
from support.smtp_client import DOMAIN, MAIL, kept
from support.sql import column

from mailtalk.keys import Keyring
from mailtalk.outbound import verp
from mailtalk.settings.load import Settings

FIRST, SECOND = (f"PROXY TCP4 192.0.2.{n} 198.51.100.1 40000 25\r\n".encode() for n in (1, 2))
QUOTA = "450 4.7.0 Too much mail from your address, try again later"
REPORTS = "450 4.3.2 Too much mail for this recipient, try again later"


@contextmanager
def edge(settings: Settings, **values: Any) -> Iterator[tuple[str, int]]:
    """A bridge whose clients say by the PROXY protocol who they are."""
    with bridging(settings.model_copy(update={"smtp_proxy_from": "127.0.0.0/8", **values})) as where:
        yield where


def deliver(talk: Talk, recipient: str, raw: bytes = MAIL) -> str:
    reply = talk.begin(recipient)
    if reply.startswith("354 "):
        talk.send(raw + b".\r\n")
        reply = talk.hear()
    return reply


def test_a_recipient_that_is_named_often_counts_once(cast: Cast, bob: str, bridge: tuple[str, int]) -> None:
    with Talk(bridge) as talk:
        assert talk.begin(*[bob, POSTMASTER] * 50).startswith("354 ")
        talk.send(MAIL + b".\r\n")
        assert talk.hear().startswith("250 ")
    assert column(cast.database, "SELECT purpose FROM inbound_mails ORDER BY id") == ["reply", "postmaster"]


def test_a_host_delivers_so_many_mails_a_minute(settings: Settings, cast: Cast, bob: str) -> None:
    with edge(settings, smtp_host_mails_per_minute=2) as where:
        with Talk(where, FIRST) as talk:
            assert [deliver(talk, bob)[:3] for _ in range(2)] == ["250", "250"]
            assert deliver(talk, bob) == QUOTA
        with Talk(where, FIRST) as talk:
            assert deliver(talk, bob) == QUOTA
        with Talk(where, SECOND) as talk:
            assert deliver(talk, bob).startswith("250 ")
    assert len(kept(cast)) == 3


def test_a_host_delivers_so_many_bytes_a_minute(settings: Settings, bob: str) -> None:
    with edge(settings, smtp_host_bytes_per_minute=100_000) as where:
        with Talk(where, FIRST) as talk:
            assert deliver(talk, bob, b"x" * 100_000 + b"\r\n").startswith("250 ")
            assert deliver(talk, bob) == QUOTA
        with Talk(where, SECOND) as talk:
            assert deliver(talk, bob).startswith("250 ")


def test_the_loopback_has_no_quota(settings: Settings, bob: str) -> None:
    with bridging(settings.model_copy(update={"smtp_host_mails_per_minute": 1})) as where, Talk(where) as talk:
        assert [deliver(talk, bob)[:3] for _ in range(3)] == ["250"] * 3


@pytest.mark.parametrize("purpose", ["postmaster", "bounce"])
def test_reports_are_bounded_in_size_and_number(settings: Settings, keyring: Keyring, bob: str, purpose: str) -> None:
    bounce = f"{verp.local_part(keyring, uuid4())}@{DOMAIN}"
    mailbox, other = (POSTMASTER, bounce) if purpose == "postmaster" else (bounce, POSTMASTER)
    with edge(settings, smtp_report_bytes=1_000, smtp_reports_per_minute=1) as where, Talk(where, FIRST) as talk:
        assert deliver(talk, mailbox, b"x" * 999 + b"\r\n") == "552 5.3.4 Message too large"
        assert deliver(talk, mailbox).startswith("250 ")
        assert deliver(talk, mailbox) == REPORTS
        assert deliver(talk, other).startswith("250 ")
        assert deliver(talk, bob, b"x" * 2_000 + b"\r\n").startswith("250 ")  # a participant's mail is none


def test_mail_is_deferred_when_the_disk_is_nearly_full(settings: Settings, cast: Cast, bob: str) -> None:
    with edge(settings, smtp_free_disk_bytes=10**18) as where, Talk(where, FIRST) as talk:
        assert deliver(talk, bob).startswith("452 4.3.1 ")
    assert kept(cast) == []


def test_a_session_that_delivers_nothing_gives_way(
    settings: Settings, bob: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtp_bridge.connection.USELESS_AFTER", 0)
    with edge(settings, smtp_sessions=3) as where, ExitStack() as ends:
        sending, chatting, idle = (ends.enter_context(Talk(where, FIRST)) for _ in range(3))
        sending.begin(bob)
        chatting.say("NOOP", "NOOP")
        honest = ends.enter_context(Talk(where, SECOND))
        assert deliver(honest, bob).startswith("250 ")
        assert chatting.hear().startswith("421 4.3.2 ")
        sending.send(MAIL + b".\r\n")
        assert sending.hear().startswith("250 ")
        assert idle.say("NOOP").startswith("250 ")


def test_some_sessions_are_kept_for_hosts_that_delivered_mail(settings: Settings, bob: str) -> None:
    with edge(settings, smtp_sessions=4, smtp_reserved_percent=50) as where, ExitStack() as ends:
        with Talk(where, FIRST) as talk:
            assert deliver(talk, bob).startswith("250 ")
            assert talk.say("QUIT").startswith("221 ")
            assert talk.hear() == ""
        strangers = [ends.enter_context(Talk(where, SECOND)).greeting[:3] for _ in range(3)]
        assert strangers == ["220", "220", "421"]
        assert ends.enter_context(Talk(where, FIRST)).greeting.startswith("220 ")
