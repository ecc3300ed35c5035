"""Warnings about what others may cause as often as they like."""

import logging
import time
from collections import Counter

PAUSE = 10.0  # seconds between two warnings of one kind


class Seldom:
    """Warns of a thing at most once in a while, and then says how often it happened."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._since: Counter[str] = Counter()
        self._next: dict[str, float] = {}

    def warning(self, text: str, *values: object) -> None:
        """Say this, with how often something of its kind happened since it was last said."""
        self._since[text] += 1
        if time.monotonic() < self._next.get(text, 0):
            return
        self._next[text] = time.monotonic() + PAUSE
        self._log.warning(f"{text} (%d times)", *values, self._since.pop(text))
