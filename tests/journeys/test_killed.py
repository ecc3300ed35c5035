import os
from collections.abc import Callable
from itertools import cycle

import pytest
from support.mailboxes import Relay
from support.product import OURS, Stack
from support.story import Story

ALL = os.environ.get("FAULTS") == "all"  # `make chaos`; else one process between two steps, each in turn


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_process_is_killed_between_every_two_steps(up: Callable[..., Stack], relay: Relay) -> None:
    stack, turns = up(relay_url=relay.url), cycle(OURS)
    for _ in Story(stack, relay).tell():
        stack.kill_children(*OURS if ALL else (next(turns),))
    for name in OURS:
        assert f"{name} ended (killed by SIGKILL); starting it again" in stack.out


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("when", ["alice wrote", "bob replied"])
def test_the_database_is_killed_when_work_waits(when: str, up: Callable[..., Stack], relay: Relay) -> None:
    stack, killed = up(relay_url=relay.url), 0
    for step in Story(stack, relay).tell():
        if step == when:
            stack.kill_children("postgres")
            killed += 1
    assert stack.out.count("PostgreSQL ended (killed by SIGKILL); starting it again") == killed > 0
