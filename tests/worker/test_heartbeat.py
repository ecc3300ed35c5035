"""A worker's life: a lock that ends with its connection, and a heartbeat."""

from collections.abc import Iterator

import pytest
from support.sql import column, rows
from support.waiting import until

from mailtalk.db.database import Database
from mailtalk.db.workers import LOCK
from worker import heartbeat as module
from worker.heartbeat import Life

HERE = f"""FROM pg_locks WHERE locktype = 'advisory' AND classid = {LOCK}
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""  # noqa: S608
HELD = f"SELECT objid {HERE}"


@pytest.fixture
def life(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    monkeypatch.setattr(module, "BEAT", 0.1)
    life = Life(database)
    life.start()
    until(lambda: life.id)
    yield life
    life.stop()


def test_it_holds_its_lock_and_beats(database: Database, life: Life) -> None:
    assert column(database, HELD) == [life.id]
    first = column(database, "SELECT beat_at FROM workers")
    until(lambda: column(database, "SELECT beat_at FROM workers") > first)


def test_at_its_end_the_lock_and_the_row_go(database: Database, life: Life) -> None:
    life.stop()
    assert life.id is None
    until(lambda: column(database, HELD) == [])
    assert rows(database, "SELECT 1 FROM workers") == []


def test_a_life_that_was_cut_is_followed_by_a_new_one(database: Database, life: Life) -> None:
    first = life.id
    rows(database, f"SELECT pg_terminate_backend(pid) {HERE}")
    until(lambda: life.id not in {None, first})
    assert column(database, HELD) == [life.id]


def test_two_lives_have_two_locks(database: Database, life: Life) -> None:
    other = Life(database)
    other.start()
    until(lambda: other.id)
    assert {*column(database, HELD)} == {life.id, other.id}
    other.stop()
    until(lambda: column(database, HELD) == [life.id])


def test_without_a_database_there_is_no_life_but_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.1)
    life = Life(Database("postgresql://127.0.0.1:1/none"))
    life.start()
    assert life.id is None
    life.stop()
    until(lambda: not life._thread.is_alive())
