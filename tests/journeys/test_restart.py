from collections.abc import Callable

import pytest
from support.mailboxes import Relay
from support.product import Stack
from support.story import Story


@pytest.mark.long  # tests/force kills and stops all of it too
@pytest.mark.timeout(600)
def test_the_story_goes_on_after_a_stop_and_after_a_kill(up: Callable[..., Stack], relay: Relay) -> None:
    stack = up(relay_url=relay.url)
    secret = stack.secret
    for step in Story(stack, relay).tell():
        if step in {"alice wrote", "bob left"}:  # what waits then is done after the start
            assert stack.stop() == 0
            assert stack.out.endswith("Stopped.\n")
            stack.start()
        if step in {"joined", "bob replied"}:
            stack.kill()
            stack.start()
    assert stack.secret == secret
    assert not [line for line in stack.err.splitlines() if "Traceback" in line]
