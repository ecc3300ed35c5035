"""Journeys: the whole product as its users meet it, every process its own, over real sockets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import wheel
from support.mailboxes import Relay
from support.product import Stack


@pytest.fixture
def relay() -> Iterator[Relay]:
    """The SMTP server to which our mails are sent."""
    with Relay() as relay:
        yield relay


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The command `mailtalk` of an environment into which the wheel was installed."""
    return wheel.install(tmp_path)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Start `mailtalk up` with these settings; it is stopped when the test ends."""
    with ExitStack() as ends:

        def start(**settings: str) -> Stack:
            stack = Stack(tmp_path, **settings)
            ends.callback(lambda: print(stack.out, stack.err))  # noqa: T201 - pytest shows it when the test fails
            ends.callback(stack.close)
            stack.start()
            return stack

        yield start
