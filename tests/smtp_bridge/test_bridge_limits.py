"""What one client, or one host, or all of them together, may take; over real sockets."""

import select
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from support.cast import Cast
from support.raw_smtp import POSTMASTER, Talk
from support.servers import bridging, make_settings
from support.smtp_client import MAIL, kept
from support.waiting import until

from mailtalk.settings.load import Settings

NOWHERE = {"database_url": "postgresql://127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1"}
HUNG_UP = ""


@contextmanager
def edge(**values: Any) -> Iterator[tuple[str, int]]:
    """A bridge that needs no database for what it says."""
    with bridging(make_settings(**NOWHERE, **values)) as where:
        yield where


def greeting(where: tuple[str, int]) -> str:
    with Talk(where) as talk:
        return talk.greeting


def test_one_host_has_so_many_sessions_and_no_more() -> None:
    with edge(smtp_sessions_per_host=3) as where, ExitStack() as ends:
        talks = [ends.enter_context(Talk(where)) for _ in range(4)]
        assert [each.greeting[:3] for each in talks] == ["220", "220", "220", "421"]
        assert talks[3].greeting.startswith("421 4.7.0 ")
        assert talks[3].hear() == HUNG_UP
        talks[0].say("QUIT")
        until(lambda: greeting(where).startswith("220 "))


def test_there_are_so_many_sessions_and_no_more() -> None:
    with edge(smtp_sessions=2) as where, ExitStack() as ends:
        talks = [ends.enter_context(Talk(where)) for _ in range(3)]
        assert [each.greeting[:9] for each in talks[2:]] == ["421 4.3.2"]
        talks[0].reset()
        until(lambda: greeting(where).startswith("220 "))


def test_after_so_many_commands_it_is_over() -> None:
    with edge(smtp_commands=5) as where, Talk(where) as talk:
        said = [talk.say("NOOP")[:9] for _ in range(6)]
        assert said == ["250 2.0.0"] * 5 + ["421 4.7.0"]
        assert talk.hear() == HUNG_UP


def test_mails_and_recipients_are_not_counted_as_commands(settings: Settings, cast: Cast) -> None:
    with bridging(settings.model_copy(update={"smtp_commands": 3})) as where, Talk(where) as talk:
        assert talk.begin(*[POSTMASTER] * 10).startswith("354 ")
        talk.send(b".\r\n")
        assert talk.hear().startswith("250 ")
        for _ in range(3):
            assert talk.post().startswith("250 ")
            assert talk.say("RSET", "NOOP").startswith("250 ")
    assert len(kept(cast)) == 4


def test_after_so_many_errors_it_is_over_and_the_last_ones_are_slow() -> None:
    with edge(smtp_errors=3) as where, Talk(where) as talk:
        talk.say("EHLO x", "MAIL FROM:<>")
        began = time.monotonic()
        assert [talk.say("RCPT TO:<a@example.com>")[:3] for _ in range(3)] == ["550"] * 3
        assert time.monotonic() - began >= 1
        assert talk.hear().startswith("421 4.7.0 ")
        assert talk.hear() == HUNG_UP


def test_trouble_of_ours_is_nobodys_error() -> None:
    with edge(smtp_errors=2) as where, Talk(where) as talk:
        for _ in range(3):
            assert talk.post().startswith("451 ")


def test_a_mail_has_so_many_recipients() -> None:
    with edge(smtp_recipients=2) as where, Talk(where) as talk:
        talk.say("EHLO x", "MAIL FROM:<>")
        said = [talk.say(f"RCPT TO:<{POSTMASTER}>")[:9] for _ in range(3)]
        assert said == ["250 2.1.5", "250 2.1.5", "452 4.5.3"]


@pytest.mark.parametrize("lines", [[], ["EHLO x"], ["EHLO x", "MAIL FROM:<>", f"RCPT TO:<{POSTMASTER}>", "DATA"]])
def test_a_session_has_so_many_seconds(lines: list[str]) -> None:
    with edge(smtp_session_seconds=1) as where, Talk(where) as talk:
        talk.say("NOOP", *lines)
        assert talk.hear().startswith("421 4.4.2 ")
        assert talk.hear() == HUNG_UP


def test_a_session_that_is_over_waits_for_its_commit(settings: Settings, cast: Cast) -> None:
    with bridging(settings.model_copy(update={"smtp_session_seconds": 1})) as where, Talk(where) as talk:
        began = time.monotonic()
        with cast.database.engine.begin() as connection:
            connection.exec_driver_sql("LOCK TABLE raw_mails")
            talk.begin()
            talk.send(MAIL + b".\r\n")
            assert not select.select([talk.socket], [], [], 1.5)[0]  # a second is over, and nothing is said
        assert talk.hear().startswith("250 ")
        assert talk.hear().startswith("421 4.4.2 ")
        assert time.monotonic() - began > 1
    assert kept(cast) == [MAIL]


def test_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_bridge.limits.IDLE", 0.2)
    with edge() as where, Talk(where) as talk:
        assert talk.hear().startswith("421 4.4.2 ")
        assert talk.hear() == HUNG_UP


def test_patience_is_short_when_there_is_hardly_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_bridge.limits.IDLE_WHEN_FULL", 0.2)
    with edge(smtp_sessions=4) as where, ExitStack() as ends:
        talks = [ends.enter_context(Talk(where)) for _ in range(4)]
        assert talks[3].hear().startswith("421 4.4.2 ")
        assert talks[0].say("NOOP").startswith("250 ")


def test_data_must_come_at_a_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_bridge.transaction.WINDOW", 0.3)
    with edge(smtp_bytes_per_second=1_000) as where, Talk(where) as talk:
        talk.begin()
        talk.send(b"x" * 299)
        assert talk.hear().startswith("421 4.4.2 ")
        assert talk.hear() == HUNG_UP


def test_data_that_comes_fast_enough_may_come_for_long(
    settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtp_bridge.transaction.WINDOW", 0.5)
    monkeypatch.setattr("smtp_bridge.limits.IDLE", 0.5)
    with bridging(settings.model_copy(update={"smtp_bytes_per_second": 1})) as where, Talk(where) as talk:
        talk.begin()
        for _ in range(60):  # 1.5 s at least: several windows, and few bytes however fast the machine is
            talk.send(b"x\r\n")
            assert not select.select([talk.socket], [], [], 0.025)[0]
        talk.send(b".\r\n")
        assert talk.hear().startswith("250 ")
    assert len(kept(cast)) == 1


def test_idle_and_slow_clients_do_not_keep_others_from_being_served(settings: Settings, cast: Cast) -> None:
    roomy = settings.model_copy(update={"smtp_sessions_per_host": 1_000})
    with bridging(roomy) as where, ExitStack() as ends:
        for number in range(200):
            talk = ends.enter_context(Talk(where))
            if number % 2:
                talk.begin()
                talk.send(b"x")
        slowest = 0.0
        for _ in range(5):
            began = time.monotonic()
            with Talk(where) as talk:
                assert talk.post().startswith("250 ")
            slowest = max(slowest, time.monotonic() - began)
    assert len(kept(cast)) == 5
    print(f"slowest of 5 beside 200: {slowest:.3f} s")  # noqa: T201
