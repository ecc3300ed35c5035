"""Waiting for what other threads and servers do: look again until it is so, with a deadline."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

Seen = TypeVar("Seen")
PATIENCE = 30.0  # seconds; only a test that fails waits so long
LOOKS = 50  # at least, so that a machine that stands still for a while fails no test


def until(look: Callable[[], Seen], seconds: float = PATIENCE) -> Seen:
    """What `look` gives, once it is true."""
    deadline, looks = time.monotonic() + seconds, 1
    while not (seen := look()):
        looks += 1
        if time.monotonic() > deadline and looks > LOOKS:
            raise AssertionError(f"waited {seconds} s in vain, last seen: {seen!r}")
        Event().wait(0.01)
    return seen
