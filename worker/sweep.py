"""The sweep: looks at what is due, whether a bell rang or not; it starts before Celery and needs no broker."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from mailtalk import clock, notifications
from mailtalk.db import Database
from mailtalk.errors import Unavailable
from worker.work import safely

LONGEST = 0.5  # seconds between two looks: what everything takes while the broker is away
SHORTEST = 0.05
AWAY = 2.0  # seconds until the next look when the database did not answer
ENDING = 4.0  # seconds that stopping waits for a look under way

log = logging.getLogger(__name__)


class Sweep:
    """A thread that sleeps until the next due moment, at most LONGEST, and looks."""

    def __init__(self, database: Database, *looks: Callable[[], None]) -> None:
        self._database, self._looks = database, looks
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is under way."""
        self._stop.set()
        self._thread.join(ENDING)

    def _run(self) -> None:
        while not self._stop.is_set():
            for look in self._looks:
                safely(look)
            self._stop.wait(self._pause())

    def _pause(self) -> float:
        try:
            with self._database.transaction() as session:
                due = notifications.next_due(session)
        except Unavailable:
            return AWAY
        return pause(due, clock.now())


def pause(due: datetime | None, now: datetime) -> float:
    """How long to sleep, in seconds: until the next due moment, but neither for ever nor not at all."""
    if due is None:
        return LONGEST
    return min(max((due - now).total_seconds(), SHORTEST), LONGEST)
