"""Retry schedule of webhook deliveries, pauses of an unavailable endpoint, and the time after which each gives up."""

import random
from datetime import timedelta

# Standard Webhooks' schedule, with one more early retry: a conversation is held back for three attempts.
WAITS = (
    timedelta(seconds=5),
    timedelta(seconds=25),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
ATTEMPTS = len(WAITS) + 1
HOLDING_BACK = 3  # attempts in which a delivery holds back its conversation: at most 60 s with their time-outs
PAUSED_AFTER = timedelta(days=3)  # without one success
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(seconds=50)
LONGEST_RETRY_AFTER = timedelta(days=1)
JITTER = 1.2
LONGEST_WAIT = max(*WAITS, LONGEST_RETRY_AFTER) * JITTER


def wait(attempts: int, retry_after: timedelta | None) -> timedelta:
    """Time until the next attempt after so many failed ones, with up to 20 % jitter; at least Retry-After."""
    return _at_least(retry_after, WAITS[min(attempts, len(WAITS)) - 1] * random.uniform(1, JITTER))


def rest(failing: timedelta, retry_after: timedelta | None) -> timedelta:
    """Time in which nothing is sent to an endpoint that has been away for `failing`; at least Retry-After."""
    planned = min(max(failing / 10, SHORTEST_REST), LONGEST_REST)
    return _at_least(retry_after, planned * random.uniform(1, JITTER))


def _at_least(retry_after: timedelta | None, planned: timedelta) -> timedelta:
    return max(planned, min(retry_after or planned, LONGEST_RETRY_AFTER))
