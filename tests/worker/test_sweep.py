"""The sweep looks by itself: at what is due, in spite of failures, and with no broker at all."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.outbox import Post
from support.servers import make_settings, working
from support.sql import column, raise_for
from support.statements import counted
from support.waiting import until

from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.keys import Keyring
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind
from worker.server import WorkerServer
from worker.sweep import SHORTEST, STEP, Due, Sweep, Watch, pause

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("due", "seconds"),
    [(None, STEP), (-100, SHORTEST), (0, SHORTEST), (0.2, 0.2), (STEP + 1, STEP), (10**9, STEP)],
)
def test_it_sleeps_until_what_is_due_but_neither_for_ever_nor_not_at_all(due: float | None, seconds: float) -> None:
    moment = None if due is None else NOW + timedelta(seconds=due)
    assert pause(moment, NOW) == seconds


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a defect")])
def test_a_look_that_fails_keeps_no_other_look_from_looking(database: Database, error: Exception) -> None:
    looks: list[str] = []

    def fail() -> None:
        looks.append("failed")
        raise error

    sweep = Sweep(Watch(database), lambda _session, _now: None, fail, lambda: looks.append("looked"))
    sweep.start()
    try:
        until(lambda: looks[:4] == ["failed", "looked"] * 2)
    finally:
        sweep.stop()


def test_what_becomes_due_is_looked_at(database: Database) -> None:
    due: list[datetime] = []
    looked = threading.Event()
    sweep = Sweep(Watch(database), lambda _session, _now: due.pop() if due else None, looked.set)
    sweep.start()
    try:
        assert looked.wait(30)
        looked.clear()
        due.append(NOW)
        assert looked.wait(30)
        until(lambda: not due)
    finally:
        sweep.stop()


def test_what_is_due_is_asked_for_all_sweeps_in_one_transaction(database: Database) -> None:
    watch = Watch(database)
    dues: list[Due] = [lambda session, _now, at=at: session.scalar(text("SELECT :at"), {"at": at}) for at in (1, 2, 3)]
    for due in dues:
        watch.add(due)
    with counted(database) as statements:
        assert [watch.ask(due, 0) for due in dues] == [1, 2, 3]
    assert statements.counts == (4, 1)  # the server's time, too


def test_an_answer_from_before_a_look_does_not_cause_it_again(database: Database) -> None:
    watch, moments = Watch(database), [NOW, NOW, None]

    def due(_session: object, _now: datetime) -> datetime | None:
        return moments.pop(0)

    watch.add(due)
    assert [watch.ask(due, 0), watch.ask(due, 0), len(moments)] == [NOW, NOW, 2]
    assert [watch.ask(due, time.monotonic()), watch.ask(due, time.monotonic())] == [NOW, None]


def test_it_goes_on_while_the_database_is_away() -> None:
    looked = threading.Event()
    sweep = Sweep(Watch(Database("postgresql://127.0.0.1:1/none")), lambda _session, _now: None, looked.set)
    sweep.start()
    try:
        for _ in range(2):
            assert looked.wait(30)
            looked.clear()
    finally:
        sweep.stop()


def test_it_goes_on_when_a_due_time_cannot_be_read(database: Database) -> None:
    """Also another sweep, whose due time is read together with it."""
    watch, looked = Watch(database), [threading.Event(), threading.Event()]
    dues: list[Due] = [lambda session, _now: session.scalar(text("SELECT no_such_column")), lambda _session, _now: None]
    sweeps = [Sweep(watch, due, each.set) for due, each in zip(dues, looked, strict=True)]
    for sweep in sweeps:
        sweep.start()
    try:
        for each in looked * 2:
            assert each.wait(30)
            each.clear()
    finally:
        for sweep in sweeps:
            sweep.stop()


def test_mails_are_sent_while_others_cannot_be_built(cast: Cast, keyring: Keyring, database_url: str) -> None:
    post = Post(cast, keyring)
    cast.join("alice", "bob")
    post.say("alice", "built")
    assert post.mailed() == ["bob"]
    raise_for(cast.database, "notifications", "NEW.status = 'made'")
    post.say("bob", "not built", 2000)
    post.close(3000)
    worker = WorkerServer(make_settings(database_url=database_url, redis_url="redis://127.0.0.1:1"))
    worker.start()
    try:
        until(lambda: column(cast.database, "SELECT stage FROM deliveries") == ["captured"])
    finally:
        worker.stop()
    assert column(cast.database, "SELECT count(*) FROM notifications WHERE status = 'open'") == [1]


def test_without_a_broker_changes_are_applied_and_mails_made(cast: Cast, database_url: str) -> None:
    settings = make_settings(database_url=database_url, redis_url="redis://127.0.0.1:1")
    worker = WorkerServer(settings)
    worker.start()
    try:
        for user in ("alice", "bob"):
            cast.accept(user, Request(ChangeKind.JOIN))
        until(lambda: column(cast.database, "SELECT count(*) FROM participations") == [2])
        cast.say("alice", "hi")
        until(lambda: column(cast.database, "SELECT stage FROM deliveries") == ["captured"])
    finally:
        worker.stop()


def test_with_a_broker_the_bell_is_answered(cast: Cast, settings: object, database_url: str, redis_url: str) -> None:
    with working(make_settings(database_url=database_url, redis_url=redis_url)) as worker:
        cast.accept("alice", Request(ChangeKind.JOIN))
        worker.celery.send_task("mailtalk.apply_changes")
        until(lambda: column(cast.database, "SELECT status FROM changes") == ["applied"])
