"""The order promise, and the participant limit: many clients, two doors, two workers, one explanation."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

import httpx
import pytest
from crowds import ASYNC, crowd, expected, members, say, settled, state_of
from histories import Call, check, log, operation, record
from model import Model, Operation
from support.cast import NAMES, Cast
from support.servers import Stack, free_port, serving, worker_process
from support.sql import rows
from support.waiting import until

Seen = TypeVar("Seen")
Clients = Sequence[httpx.Client]


@pytest.fixture(scope="module")
def doors(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two APIs; a second worker, once it beats, stands beside the first."""
    second = stack.settings.model_copy(update={"api_port": free_port()})
    with serving(second) as api, worker_process(second, tmp_path_factory.mktemp("worker")):
        until(lambda: len(rows(stack.database, "SELECT FROM workers")) == 2)
        yield [stack.api, api]


@pytest.fixture
def cast(stack: Stack) -> Cast:
    return stack.introduce()


@pytest.fixture
def clients(stack: Stack, doors: list[str], cast: Cast) -> Iterator[Clients]:
    """Clients of both doors, each with a connection of its own."""
    with ExitStack() as ends:
        yield [ends.enter_context(stack.client(cast, doors[i % 2])) for i in range(16)]


def at_once(clients: Clients, act: Callable[[int, httpx.Client], Seen]) -> list[Seen]:
    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(act, range(len(clients)), clients))


def limited(stack: Stack, cast: Cast, limit: int) -> None:
    rows(stack.database, "UPDATE apps SET participant_limit = :limit WHERE id = :app", limit=limit, app=cast.app_id)


@pytest.mark.parametrize("seed", range(3))
def test_a_history_of_many_clients_has_one_order_that_explains_it(
    stack: Stack, cast: Cast, clients: Clients, seed: int
) -> None:
    limited(stack, cast, 2)
    places = ("first", "second")
    for place in places:
        clients[0].put(f"/conversations/{place}")

    def act(i: int, http: httpx.Client) -> list[tuple[str, Call]]:
        rng = random.Random(f"{seed}/{i}")
        seen = []
        for _ in range(15):
            place, prefer = rng.choice(places), ASYNC if rng.random() < 0.2 else {}
            seen.append((place, record(http, place, operation(rng, NAMES), **prefer)))
        return seen

    history = [call for calls in at_once(clients, act) for call in calls]
    settled(stack.database, cast)
    for place in places:
        model = Model(2, NAMES)
        check([call for where, call in history if where == place], log(clients[0], place), model)
        assert members(clients[0], place) == state_of(model)


def test_forty_join_at_once_and_ten_are_in(stack: Stack, cast: Cast, clients: Clients) -> None:
    limited(stack, cast, 10)
    users = crowd(stack.database, cast, 40)

    def act(i: int, http: httpx.Client) -> list[Call]:
        return [record(http, "hello", Operation("PUT", user)) for user in users[i :: len(clients)]]

    calls = [call for each in at_once(clients, act) for call in each]
    assert sorted(call.status for call in calls) == [200] * 10 + [409] * 30
    check(calls, log(clients[0], "hello"), Model(10, users))
    assert len(members(clients[0])) == 10


def test_what_one_client_sends_one_after_the_other_ends_as_the_last_says(
    stack: Stack, cast: Cast, clients: Clients
) -> None:
    users = crowd(stack.database, cast, 100)
    at_once(clients, lambda i, http: [say(http, user, waits=0.3) for user in users[i :: len(clients)]])
    settled(stack.database, cast)
    assert members(clients[0]) == expected(users)
