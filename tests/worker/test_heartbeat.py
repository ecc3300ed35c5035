"""A worker's heartbeat: a lock that ends with its connection, and a row that is updated."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError
from support.sql import column, rows
from support.waiting import until

from mailtalk.db import workers
from mailtalk.db.database import Database
from mailtalk.db.workers import LOCK
from worker import heartbeat as module
from worker.heartbeat import Heartbeat

HERE = f"""FROM pg_locks WHERE locktype = 'advisory' AND classid = {LOCK}
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""  # noqa: S608
HELD = f"SELECT objid {HERE}"


@pytest.fixture
def heartbeat(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heartbeat]:
    monkeypatch.setattr(module, "BEAT", 0.1)
    heartbeat = Heartbeat(database)
    heartbeat.start()
    until(lambda: heartbeat.id)
    yield heartbeat
    heartbeat.stop()


def test_it_holds_its_lock_and_beats(database: Database, heartbeat: Heartbeat) -> None:
    assert column(database, HELD) == [heartbeat.id]
    first = column(database, "SELECT beat_at FROM workers")
    until(lambda: column(database, "SELECT beat_at FROM workers") > first)


def test_at_its_end_the_lock_and_the_row_go(database: Database, heartbeat: Heartbeat) -> None:
    heartbeat.stop()
    assert heartbeat.id is None
    until(lambda: column(database, HELD) == [])
    assert rows(database, "SELECT 1 FROM workers") == []


def test_a_heartbeat_that_lost_its_connection_starts_again(database: Database, heartbeat: Heartbeat) -> None:
    first = heartbeat.id
    rows(database, f"SELECT pg_terminate_backend(pid) {HERE}")
    until(lambda: heartbeat.id not in {None, first})
    assert column(database, HELD) == [heartbeat.id]


def test_two_heartbeats_have_two_locks(database: Database, heartbeat: Heartbeat) -> None:
    other = Heartbeat(database)
    other.start()
    until(lambda: other.id)
    assert {*column(database, HELD)} == {heartbeat.id, other.id}
    other.stop()
    until(lambda: column(database, HELD) == [heartbeat.id])


def test_a_silent_worker_loses_its_sessions_and_its_row(database: Database, heartbeat: Heartbeat) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    with other.single.connect() as connection:
        silent = workers.begin(connection, "elsewhere/1", other.application, None)
        rows(other, "SELECT 1")  # one more session, which is idle
        rows(database, "UPDATE workers SET beat_at = now() - interval '1 minute' WHERE id = :id", id=silent)
        until(lambda: silent not in column(database, HELD))
        assert not column(database, "SELECT 1 FROM workers WHERE id = :id", id=silent)
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name"
        until(lambda: column(database, sessions, name=other.application) == [0])
        with pytest.raises(OperationalError):
            workers.beat(connection, silent)
    other.close()
    assert heartbeat.id in column(database, HELD)


def test_after_the_server_stood_still_nobody_was_silent(database: Database) -> None:
    with database.single.connect() as connection:
        first, second = (workers.begin(connection, f"here/{i}", database.application, None) for i in (1, 2))
        rows(database, "UPDATE workers SET beat_at = now() - interval '1 hour'")
        assert workers.end_silent(connection, first) == []
        assert workers.beat(connection, first)
        assert workers.beat(connection, second)
        assert workers.end_silent(connection, first) == []


def test_a_worker_that_was_taken_for_dead_beats_under_a_new_id(database: Database, heartbeat: Heartbeat) -> None:
    first = heartbeat.id
    rows(database, "DELETE FROM workers")
    until(lambda: heartbeat.id not in {None, first})
    assert column(database, HELD) == [heartbeat.id]


def test_without_a_database_there_is_no_id_and_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.1)
    heartbeat = Heartbeat(Database("postgresql://127.0.0.1:1/none"))
    heartbeat.start()
    assert heartbeat.id is None
    heartbeat.stop()
    until(lambda: not heartbeat._thread.is_alive())
