"""A client of the module's stack, for the app that a test brings."""

from collections.abc import Iterator

import httpx
import pytest
from support.cast import Cast
from support.servers import Stack


@pytest.fixture
def alice_and_bob(http: httpx.Client) -> None:
    """Both take part in `hello`."""
    for user in ("alice", "bob"):
        assert http.put(f"/conversations/hello/participants/{user}").status_code == 200


@pytest.fixture
def http(stack: Stack, cast: Cast) -> Iterator[httpx.Client]:
    with stack.client(cast) as client:
        yield client
