"""The group commit while the database is in trouble: an honest answer, and no pile."""

import asyncio

import pytest
from support.group_commit_door import door, everything, locked
from support.sql import rows, until_blocked

from mailtalk.db.database import Database
from mailtalk.errors import Unavailable


@pytest.fixture
def kept(database: Database) -> Database:
    rows(database, "CREATE TABLE kept (item text CHECK (item NOT LIKE 'bad%'))")
    return database


def test_a_database_that_is_gone_is_unavailable_and_comes_back(kept: Database) -> None:
    bells: list[int] = []

    async def go() -> None:
        async with door(kept, bells) as opened:
            rows(kept, "ALTER TABLE kept RENAME TO away")
            with pytest.raises(Unavailable):
                await opened.put("lost")
            rows(kept, "ALTER TABLE away RENAME TO kept")
            assert await opened.put("found") == "FOUND"

    asyncio.run(go())
    assert everything(kept) == ["found"]


def test_a_closed_port_is_unavailable() -> None:
    async def go() -> None:
        async with door(Database("postgresql://127.0.0.1:1/none")) as opened:
            answers = await asyncio.gather(*(opened.put(str(n)) for n in range(3)), return_exceptions=True)
            assert [type(answer) for answer in answers] == [Unavailable] * 3

    asyncio.run(go())


def test_a_connection_that_was_cut_in_the_middle_is_unavailable(kept: Database) -> None:
    async def go() -> None:
        async with door(kept) as opened:
            with locked(kept):
                cut = asyncio.create_task(opened.put("cut"))
                await asyncio.to_thread(until_blocked, kept)
                kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                rows(kept, kill + " AND datname = current_database()")
                with pytest.raises(Unavailable):
                    await cut
            assert await opened.put("after") == "AFTER"

    asyncio.run(go())
    assert everything(kept) == ["after"]
