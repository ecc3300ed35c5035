"""Waiting for what other threads and servers do: look again until it is so, with a deadline."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

Seen = TypeVar("Seen")
PATIENCE = 30.0  # seconds; only a test that fails waits so long


def until(look: Callable[[], Seen], seconds: float = PATIENCE) -> Seen:
    """What `look` gives, once it is true."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain, last seen: {seen!r}")
        Event().wait(0.01)
    return seen
