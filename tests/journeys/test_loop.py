from collections.abc import Callable

from support.mailboxes import Captured, Relay
from support.product import Stack
from support.story import Story


def test_the_loop_through_a_relay(up: Callable[..., Stack], relay: Relay) -> None:
    for _ in Story(up(relay_url=relay.url), relay).tell():
        pass


def test_the_loop_with_captured_mails(up: Callable[..., Stack]) -> None:
    stack = up()
    for _ in Story(stack, Captured(stack)).tell():
        pass
