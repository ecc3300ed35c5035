"""When a webhook is tried again, and when it is given up: Standard Webhooks' schedule, with jitter."""

import random
from datetime import timedelta

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
TRIES = len(WAITS) + 1
PAUSED_AFTER = timedelta(days=3)  # without one success
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=15)
LONGEST_ASKED = timedelta(days=1)  # however long a Retry-After is


def wait(attempts: int, asked: timedelta | None) -> timedelta:
    """How long an event waits after so many tries; at least as long as its receiver asked."""
    planned = WAITS[min(attempts, len(WAITS)) - 1] * random.uniform(1, 1.2)
    return max(planned, min(asked or planned, LONGEST_ASKED))


def rest(failing: timedelta, asked: timedelta | None) -> timedelta:
    """How long nothing is sent to an endpoint that has not answered for so long, or asks to be left alone."""
    planned = min(max(failing / 4, SHORTEST_REST), LONGEST_REST) * random.uniform(1, 1.2)
    return max(planned, min(asked or planned, LONGEST_ASKED))
