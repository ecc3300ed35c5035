"""Clocks that jump: what waits for a time beyond any setting is due again, what waits as it should is left alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.cast import Cast
from support.outbox import PACE, Post, at
from support.sql import column, rows
from support.webhook_receiver import subscribe

from mailtalk import clock
from mailtalk.changes import apply
from mailtalk.inbound import process
from mailtalk.keys import Keyring
from mailtalk.notifications.pull_back import pull_back
from mailtalk.outbound.sending_settings import DEFAULT
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind
from mailtalk.webhooks import fanout, queue
from worker.pull_back import PullBack

HOUR = 3600.0


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    cast.join("alice", "bob")
    return Post(cast, keyring)


def pulled(post: Post, seconds: float = 0) -> int:
    with post.cast.database.transaction() as session:
        return pull_back(session, at(seconds), PACE, DEFAULT)


def test_a_window_that_closes_too_late_closes_now(post: Post) -> None:
    post.say("alice", "hi", HOUR)  # by a clock that is an hour ahead
    assert post.close(100) == 0
    assert pulled(post, 100) == 1
    assert (post.close(100), post.make(100)) == (1, 1)
    assert pulled(post, 100) == 0


def test_a_window_that_is_open_as_its_app_wants_stays_open(post: Post) -> None:
    rows(post.cast.database, "UPDATE apps SET quiet_seconds = 7200, cap_seconds = 7200")
    post.say("alice", "hi", 0)
    assert pulled(post) == 0


@pytest.mark.parametrize(
    ("is_digest", "hours", "count"), [(False, 1, 0), (False, 1.1, 1), (True, 25, 0), (True, 26, 1), (True, 9_999, 1)]
)
def test_notifications(post: Post, is_digest: bool, hours: float, count: int) -> None:
    post.say("alice", "hi")
    post.close(100)
    due = "UPDATE notifications SET not_before = :due, digest = :digest WHERE status = 'open'"
    rows(post.cast.database, due, due=at(hours * HOUR), digest=is_digest)
    assert pulled(post) == count
    assert column(post.cast.database, "SELECT not_before FROM notifications WHERE status = 'open'") == [
        at(0 if count else hours * HOUR)
    ]


@pytest.mark.parametrize(
    ("attempts", "slot", "hours", "count"),
    [(0, None, 1, 1), (1, None, 1, 1), (6, None, 4.9, 0), (6, None, 6, 1), (1, 40, 40, 0), (1, 50, 50, 1)],
)
def test_deliveries(post: Post, attempts: int, slot: float | None, hours: float, count: int) -> None:
    post.say("alice", "hi")
    post.mailed(100)
    rows(
        post.cast.database,
        "UPDATE deliveries SET stage = 'deferred', attempts = :attempts, slot_at = :slot, not_before = :due",
        attempts=attempts,
        slot=at(slot * HOUR) if slot else None,
        due=at(hours * HOUR),
    )
    assert pulled(post) == count
    assert column(post.cast.database, "SELECT not_before FROM deliveries") == [at(0 if count else hours * HOUR)]


def test_a_domain_whose_next_mail_is_too_far_ahead_goes_on(post: Post) -> None:
    rows(post.cast.database, "INSERT INTO domain_rates VALUES ('example.com', :due)", due=at(60 * HOUR))
    assert (pulled(post), pulled(post)) == (1, 0)


@pytest.mark.parametrize(("hours", "count"), [(0.001, 0), (1, 1)])
def test_a_change_that_waits_longer_than_for_any_retry(post: Post, hours: float, count: int) -> None:
    post.cast.accept("carol", Request(ChangeKind.JOIN))
    rows(post.cast.database, "UPDATE changes SET not_before = :due", due=at(hours * HOUR))
    with post.cast.database.transaction() as session:
        assert apply.pull_back(session, at(0)) == count


@pytest.mark.parametrize(("hours", "count"), [(0.25, 0), (1, 1)])
def test_an_inbound_mail_that_waits_longer_than_for_any_retry(post: Post, hours: float, count: int) -> None:
    received = "INSERT INTO inbound_mails (purpose, received_at, not_before) VALUES ('postmaster', :now, :due)"
    rows(post.cast.database, received, now=at(0), due=at(hours * HOUR))
    with post.cast.database.transaction() as session:
        assert process.pull_back(session, at(0)) == count


@pytest.mark.parametrize(("attempts", "hours", "count"), [(0, 0.01, 0), (0, 1, 1), (1, 28, 0), (1, 30, 1)])
def test_a_webhooks_queue(post: Post, keyring: Keyring, attempts: int, hours: float, count: int) -> None:
    subscribe(post.cast, keyring, "http://127.0.0.1/")
    post.say("alice", "hi")
    with post.cast.database.transaction() as session:
        fanout.fan_out(session, at(0))
    rows(post.cast.database, "UPDATE webhook_deliveries SET attempts = :attempts", attempts=attempts)
    rows(post.cast.database, "UPDATE webhook_lanes SET not_before = :due", due=at(hours * HOUR))
    with post.cast.database.transaction() as session:
        assert queue.pull_back(session, at(0)) == count


@pytest.mark.parametrize(("hours", "count"), [(24, 0), (30, 1)])
def test_an_endpoint_that_rests(post: Post, keyring: Keyring, hours: float, count: int) -> None:
    subscribe(post.cast, keyring, "http://127.0.0.1/")
    rows(post.cast.database, "UPDATE webhooks SET rests_until = :until", until=at(hours * HOUR))
    with post.cast.database.transaction() as session:
        assert queue.pull_back(session, at(0)) == count


def test_a_worker_looks_once_a_minute_by_the_databases_clock(post: Post) -> None:
    late = clock.now() + timedelta(days=400)
    look = PullBack(post.cast.database, replace(PACE), DEFAULT).look
    rows(post.cast.database, "UPDATE conversations SET window_opened_at = :late, window_due_at = :late", late=late)
    look()
    due = "SELECT window_due_at <= now() FROM conversations"
    assert column(post.cast.database, due) == [True]
    rows(post.cast.database, "UPDATE conversations SET window_due_at = :late", late=late)
    look()
    assert column(post.cast.database, due) == [False]
