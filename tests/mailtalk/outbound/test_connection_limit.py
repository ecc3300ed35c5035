"""The limit of connections: lowered to what a relay takes, and restored after a while."""

import asyncio

import pytest

from mailtalk.outbound import connection_limit
from mailtalk.outbound.connection_limit import LOWERED, ConnectionLimit


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_it_is_lowered_to_the_others_in_use_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(connection_limit, "time", clock)

    async def run() -> None:
        limit, inside = ConnectionLimit(4), 0

        async def use(until: asyncio.Event) -> None:
            nonlocal inside
            async with limit:
                inside += 1
                await until.wait()
                inside -= 1

        ends = [asyncio.Event() for _ in range(6)]
        users = [asyncio.create_task(use(end)) for end in ends]
        await asyncio.sleep(0)
        assert inside == 4
        assert limit.lower()  # one of the four was refused
        ends[0].set()
        await users[0]
        await asyncio.sleep(0)
        assert inside == 3
        clock.now += LOWERED
        ends[1].set()
        await users[1]
        await asyncio.sleep(0)
        assert inside == 4
        for end in ends:
            end.set()
        await asyncio.gather(*users)

    asyncio.run(run())


def test_a_lone_connection_cannot_be_too_many() -> None:
    async def run() -> bool:
        limit = ConnectionLimit(4)
        async with limit:
            return limit.lower()

    assert not asyncio.run(run())
