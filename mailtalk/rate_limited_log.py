"""Rate-limited warnings, for events that clients can cause at any rate."""

import logging
import time
from collections import Counter

PAUSE = 10.0  # seconds between two lines of a kind


class RateLimitedLog:
    """Logger that writes each kind of warning at most once in 10 s, with the number of occurrences."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._since: Counter[str] = Counter()
        self._next: dict[str, float] = {}

    def warning(self, text: str, *values: object) -> None:
        """Count an occurrence; log it unless its kind was logged just now."""
        self._since[text] += 1
        if time.monotonic() < self._next.get(text, 0):
            return
        self._next[text] = time.monotonic() + PAUSE
        self._log.warning(f"{text} (%d times)", *values, self._since.pop(text))
