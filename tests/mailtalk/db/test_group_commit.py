"""The group commit: many arrivals in few commits, and nobody hurt by a neighbour."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event
from support.group_commit_door import Door, door, everything, locked, write
from support.sql import rows, until_blocked

from mailtalk.db import group_commit
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable


@pytest.fixture
def kept(database: Database) -> Database:
    rows(database, "CREATE TABLE kept (item text CHECK (item NOT LIKE 'bad%'))")
    return database


@pytest.fixture
def commits(kept: Database) -> Iterator[list[str]]:
    """Grows by one with each commit of the engine."""
    seen: list[str] = []

    def note(_connection: Connection) -> None:
        seen.append("commit")

    event.listen(kept.engine, "commit", note)
    yield seen
    event.remove(kept.engine, "commit", note)


def test_each_caller_gets_the_result_of_its_own_item(kept: Database) -> None:
    async def go() -> list[str]:
        async with door(kept) as opened:
            return await asyncio.gather(*(opened.put(f"i{n}") for n in range(50)))

    assert asyncio.run(go()) == [f"I{n}" for n in range(50)]
    assert len(everything(kept)) == 50


def test_many_at_once_take_few_commits_and_few_bells(kept: Database, commits: list[str]) -> None:
    bells: list[int] = []

    async def go() -> None:
        async with door(kept, bells) as opened:
            await asyncio.gather(*(opened.put(str(n)) for n in range(1000)))

    asyncio.run(go())
    assert len(everything(kept)) == 1000
    assert len(commits) <= 4  # one for the first, two full batches, and the look of this test
    assert len(bells) <= 3


@pytest.mark.parametrize("bad", ["bad", "a\x00b", "\udc80"])
def test_one_bad_item_does_not_hurt_its_neighbours(kept: Database, bad: str) -> None:
    async def go() -> list[object]:
        async with door(kept) as opened:
            with locked(kept):
                first = asyncio.create_task(opened.put("first"))
                await asyncio.to_thread(until_blocked, kept)
                rest = [asyncio.create_task(opened.put(item)) for item in ("a", bad, "b")]
                await asyncio.sleep(0)
            return list(await asyncio.gather(first, *rest, return_exceptions=True))

    first, a, wrong, b = asyncio.run(go())
    assert (first, a, b) == ("FIRST", "A", "B")
    assert isinstance(wrong, Unavailable)
    assert everything(kept) == ["a", "b", "first"]


def test_the_item_of_a_caller_that_went_away_is_stored(kept: Database) -> None:
    async def go() -> None:
        async with door(kept) as opened:
            with locked(kept):
                taken = asyncio.create_task(opened.put("taken"))
                await asyncio.to_thread(until_blocked, kept)
                waiting = asyncio.create_task(opened.put("waiting"))
                await asyncio.sleep(0)
                taken.cancel()
                waiting.cancel()
                gone = await asyncio.gather(taken, waiting, return_exceptions=True)
            assert [type(each) for each in gone] == [asyncio.CancelledError] * 2

    asyncio.run(go())
    assert everything(kept) == ["taken", "waiting"]


def test_what_was_answered_no_before_it_was_taken_is_never_stored(
    kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "DEADLINE", 0.3)

    async def go() -> list[object]:
        async with door(kept) as opened:
            with locked(kept):
                taken = asyncio.create_task(opened.put("taken"))
                await asyncio.to_thread(until_blocked, kept)
                late = asyncio.create_task(opened.put("late"))
                answers = await asyncio.gather(taken, late, return_exceptions=True)
            assert await opened.put("next") == "NEXT"
            return list(answers)

    assert [type(answer) for answer in asyncio.run(go())] == [Unavailable, Unavailable]
    assert everything(kept) == ["next", "taken"]  # the first was in hand: its caller was told "perhaps"


def test_the_queue_has_an_end(kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_LIMIT", 3)

    async def go() -> list[object]:
        async with door(kept) as opened:
            with locked(kept):
                first = asyncio.create_task(opened.put("first"))
                await asyncio.to_thread(until_blocked, kept)
                rest = [asyncio.create_task(opened.put(str(n))) for n in range(5)]
                await asyncio.sleep(0)
            return list(await asyncio.gather(first, *rest, return_exceptions=True))

    answers = asyncio.run(go())
    assert [type(answer) for answer in answers] == [str] * 4 + [Unavailable] * 2
    assert everything(kept) == ["0", "1", "2", "first"]


def test_closing_waits_for_what_came(kept: Database) -> None:
    async def go() -> None:
        async with door(kept) as opened:
            for n in range(20):
                asyncio.create_task(opened.put(str(n)))  # noqa: RUF006  nobody waits for them
            await asyncio.sleep(0)

    asyncio.run(go())
    assert len(everything(kept)) == 20


def test_heavy_items_share_no_commit_and_fill_the_queue_by_their_weight(
    kept: Database, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BATCH_LIMIT", 4)
    monkeypatch.setattr(group_commit, "QUEUE_LIMIT", 12)

    async def go() -> list[str | BaseException]:
        opened = Door(kept, write, lambda: None, weigh=len)
        items = ("a", "heavier", "b", "c", "dd", "over")  # 1, 7, 1 + 1 + 2; and one too many
        outcomes = await asyncio.gather(*map(opened.put, items), return_exceptions=True)
        await opened.close()
        return outcomes

    *stored, refused = asyncio.run(go())
    assert stored == ["A", "HEAVIER", "B", "C", "DD"]
    assert isinstance(refused, Unavailable)
    assert len(commits) == 3
