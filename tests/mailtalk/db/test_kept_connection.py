"""The kept connection: one round trip a statement, and what becomes of it when the connection breaks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import LiteralString

import psycopg
import pytest
from support.group_commit_door import everything, locked
from support.sql import rows, until_blocked

from mailtalk.db import kept_connection
from mailtalk.db.database import Database
from mailtalk.db.kept_connection import KeptConnection
from mailtalk.errors import Unavailable

INSERT: LiteralString = "INSERT INTO kept VALUES (%(item)s) RETURNING item"
FIND: LiteralString = "SELECT item FROM kept WHERE item = %(item)s"
PREPARED: LiteralString = "SELECT name, generic_plans FROM pg_prepared_statements WHERE statement ~ '^SELECT item'"
COUNT: LiteralString = "SELECT count(*) FROM kept"
OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
KILL = f"{OTHERS} AND pid <> pg_backend_pid()"
KILL_WAITING = f"{OTHERS} AND wait_event_type = 'Lock'"


@pytest.fixture
def kept(database: Database) -> Database:
    rows(database, "CREATE TABLE kept (item text)")
    return database


def with_connection(database: Database, work: Callable[[KeptConnection], Awaitable[None]]) -> None:
    async def go() -> None:
        connection = KeptConnection(database)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(go())


def test_a_write_is_committed_when_it_returns(kept: Database) -> None:
    async def work(connection: KeptConnection) -> None:
        assert await connection.write(INSERT, {"item": "a"}) == [("a",)]
        assert everything(kept) == ["a"]

    with_connection(kept, work)


def test_a_connection_that_was_closed_while_idle_is_replaced(kept: Database) -> None:
    async def work(connection: KeptConnection) -> None:
        for item in "abc":
            await connection.write(INSERT, {"item": item})
            await asyncio.to_thread(rows, kept, KILL)
        assert await connection.read(COUNT, {}) == [(3,)]

    with_connection(kept, work)
    assert everything(kept) == ["a", "b", "c"]


def test_a_read_that_is_cut_is_repeated(kept: Database) -> None:
    async def work(connection: KeptConnection) -> None:
        await connection.read(COUNT, {})
        with locked(kept):
            reading = asyncio.create_task(connection.read(COUNT, {}))
            await asyncio.to_thread(until_blocked, kept)
            await asyncio.to_thread(rows, kept, KILL_WAITING)
        assert await reading == [(0,)]

    with_connection(kept, work)


def test_a_write_that_is_cut_is_unavailable_and_never_repeated(kept: Database) -> None:
    async def work(connection: KeptConnection) -> None:
        with locked(kept):
            writing = asyncio.create_task(connection.write(INSERT, {"item": "cut"}))
            await asyncio.to_thread(until_blocked, kept)
            await asyncio.to_thread(rows, kept, KILL_WAITING)
            with pytest.raises(Unavailable):
                await writing
        assert await connection.write(INSERT, {"item": "next"}) == [("next",)]

    with_connection(kept, work)
    assert everything(kept) == ["next"]


def test_a_statement_without_an_answer_ends_in_time(kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_connection, "LIMIT", 0.2)

    async def work(connection: KeptConnection) -> None:
        with locked(kept), pytest.raises(Unavailable, match="in time"):
            await connection.write(INSERT, {"item": "late"})
        assert await connection.write(INSERT, {"item": "next"}) == [("next",)]

    with_connection(kept, work)
    assert everything(kept) == ["next"]


def test_a_vanished_host_is_noticed_within_half_a_minute(kept: Database) -> None:
    """By the options of the connection's socket, which the kernel heeds."""

    async def work(connection: KeptConnection) -> None:
        opened = await connection._opened()
        options = opened.info.get_parameters()
        seconds = [int(options[f"keepalives_{name}"]) for name in ("idle", "interval", "count")]
        assert seconds[0] + seconds[1] * seconds[2] <= 30

    with_connection(kept, work)


def test_plans_are_made_anew_for_a_table_that_has_grown(kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server itself keeps the plan that it made for a few rows, until an ANALYZE."""
    rows(kept, "CREATE INDEX ON kept (item)")
    rows(kept, "INSERT INTO kept VALUES ('a'); ANALYZE kept")

    async def work(connection: KeptConnection) -> None:
        async def plan() -> str:
            ((name, generic),) = await connection.read(PREPARED, {})
            assert generic > 0
            explained = await (await connection._opened()).execute(f"EXPLAIN EXECUTE {name} ('a')")
            return str(await explained.fetchall())

        await connection.read(FIND, {"item": "a"})
        rows(kept, "INSERT INTO kept SELECT 'item' || i FROM generate_series(1, 10000) i")
        assert "Seq Scan" in await plan()
        monkeypatch.setattr(kept_connection, "PLANNED", 0)
        await connection.read(FIND, {"item": "a"})
        assert "Seq Scan" not in await plan()

    with_connection(kept, work)


def test_no_server_is_unavailable() -> None:
    async def work(connection: KeptConnection) -> None:
        for ask in (connection.read, connection.write):
            with pytest.raises(Unavailable):
                await ask("SELECT 1", {})

    with_connection(Database("postgresql://127.0.0.1:1/none"), work)


def test_a_wrong_statement_is_no_trouble_of_the_database(kept: Database) -> None:
    async def work(connection: KeptConnection) -> None:
        with pytest.raises(psycopg.DataError):
            await connection.write(INSERT, {"item": "a\x00b"})
        assert await connection.read(COUNT, {}) == [(0,)]

    with_connection(kept, work)
