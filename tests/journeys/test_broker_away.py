from collections.abc import Callable

import pytest
from support.mailboxes import Relay
from support.product import Stack, free_port, until
from support.story import Story


def tell(stack: Stack, relay: Relay) -> None:
    """Tell the story to its end; at each step all is ready, and the broker is away."""
    until("the broker is seen to be away", lambda: stack.ready()["broker"] == "away")
    for _ in Story(stack, relay).tell():
        assert stack.ready() == {"status": "ready", "database": "ok", "worker": "ok", "broker": "away"}


@pytest.mark.long  # as tests/force/test_chaos.py does
def test_the_broker_is_frozen(up: Callable[..., Stack], relay: Relay) -> None:
    stack = up(relay_url=relay.url)
    until("the broker is there", lambda: stack.ready()["broker"] == "ok")
    stack.child("valkey-server").suspend()
    tell(stack, relay)


def test_the_broker_was_never_there(up: Callable[..., Stack], relay: Relay) -> None:
    tell(up(relay_url=relay.url, redis_url=f"redis://127.0.0.1:{free_port()}/0"), relay)


@pytest.mark.long
def test_the_broker_is_killed_between_every_two_steps(up: Callable[..., Stack], relay: Relay) -> None:
    stack = up(relay_url=relay.url)
    for _ in Story(stack, relay).tell():
        stack.kill_children("valkey-server")
