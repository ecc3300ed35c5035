from collections.abc import Callable

import pytest
from support.mailboxes import Captured, Relay
from support.product import Stack
from support.story import Story


def test_the_loop_through_a_relay(up: Callable[..., Stack], relay: Relay) -> None:
    for _ in Story(up(relay_url=relay.url), relay).tell():
        pass


@pytest.mark.long  # that of the installed wheel is the same
def test_the_loop_with_captured_mails(up: Callable[..., Stack]) -> None:
    stack = up()
    for _ in Story(stack, Captured(stack)).tell():
        pass
