"""The order promise while the broker is away: the bell is never the only copy."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from crowds import crowd, expected, members, say, settled
from support.cast import Cast
from support.servers import Stack, free_port, make_settings, serving, sweeping

from mailtalk.db.database import Database
from mailtalk.settings.load import Settings


@pytest.fixture
def settings(database_url: str) -> Settings:
    """At the broker's port nobody listens."""
    return make_settings(database_url=database_url, redis_url=f"redis://127.0.0.1:{free_port()}/0")


def test_what_one_client_sends_one_after_the_other_ends_as_the_last_says(
    database: Database, cast: Cast, settings: Settings
) -> None:
    users = crowd(database, cast, 100)
    with ExitStack() as ends:
        stack = Stack(ends.enter_context(serving(settings)), settings, database)
        ends.enter_context(sweeping(settings))
        clients = [ends.enter_context(stack.client(cast)) for _ in range(8)]
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(lambda i: [say(clients[i], user, waits=0) for user in users[i::8]], range(8)))
        assert clients[0].patch("/conversations/hello/participants/nobody").status_code == 404
        settled(database, cast)
        assert members(clients[0]) == expected(users)
