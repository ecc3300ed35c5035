"""Who waits for a change hears of it: several at once, and whatever is on the broker's channel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import redis
from support.cast import Cast
from support.servers import Stack, free_port

from api.waiting import Outcomes
from mailtalk.changes.log import Ended
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind
from worker.bell import CHANNEL


@asynccontextmanager
async def listening(cast: Cast, redis_url: str) -> AsyncIterator[Outcomes]:
    outcomes = Outcomes(cast.database, redis_url)
    outcomes.start()
    yield outcomes
    await outcomes.stop()


def joined(cast: Cast, user: str) -> int:
    change_id = cast.accept(user, Request(ChangeKind.JOIN))
    assert isinstance(change_id, int)
    return change_id


def test_all_who_wait_for_a_change_hear_of_it_and_who_gives_up_takes_nobody_along(cast: Cast) -> None:
    ids = [joined(cast, "alice"), joined(cast, "bob")]

    async def go() -> list[dict[int, Ended]]:
        async with listening(cast, f"redis://127.0.0.1:{free_port()}/0") as outcomes:
            waiting = [asyncio.create_task(outcomes.of(cast.app_id, ids[:count], 20)) for count in (1, 2)]
            gave_up = await outcomes.of(cast.app_id, ids, 0.01)
            await asyncio.to_thread(cast.apply)
            return [gave_up, *await asyncio.gather(*waiting)]

    assert [sorted(each) for each in asyncio.run(go())] == [[], ids[:1], ids]


def test_who_comes_after_the_announcement_hears_of_it_all_the_same(cast: Cast, redis_url: str) -> None:
    change_id = joined(cast, "alice")
    cast.apply()

    async def go() -> list[dict[int, Ended]]:
        async with listening(cast, redis_url) as outcomes:
            return [await outcomes.of(cast.app_id, [change_id], 20) for _ in range(2)]

    assert [list(each) for each in asyncio.run(go())] == [[change_id]] * 2


@pytest.mark.parametrize("nonsense", ["", "x", "{}", "7", "[[7]]", '["x"]', "[null]", "[9223372036854775808]"])
def test_nonsense_on_the_channel_stops_nobody(stack: Stack, nonsense: str) -> None:
    with redis.Redis.from_url(stack.settings.require("redis_url")) as broker:
        broker.publish(CHANNEL, nonsense)
    with stack.client(stack.introduce()) as http:
        assert put(http).status_code == 200


def put(http: httpx.Client) -> httpx.Response:
    return http.put("/conversations/hello/participants/alice")
