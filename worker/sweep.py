"""The sweep: looks at the queues whether a bell rang or not; it starts before Celery and needs no broker."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from worker.jobs import safely

LONGEST = 2.0  # seconds between two looks, even if nothing is due
STEP = 0.5  # seconds between two queries of what is due: the delay of everything while the broker is away
SHORTEST = 0.05
ENDING = 4.0  # seconds that stopping waits for a look under way

log = logging.getLogger(__name__)


class Sweep:
    """A thread that sleeps until something is due, at most LONGEST, and looks.

    `due(session)` tells when the next work is due, None when nothing waits: one cheap query, so idling costs little.
    """

    def __init__(
        self, database: Database, due: Callable[[Session], datetime | None], *looks: Callable[[], None]
    ) -> None:
        self._database, self._due, self._looks = database, due, looks
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the look that is under way."""
        self._stop.set()
        self._thread.join(ENDING)

    def _run(self) -> None:
        while not self._stop.is_set():
            for look in self._looks:
                safely(look)
            self._sleep(time.monotonic() + LONGEST)

    def _sleep(self, until: float) -> None:
        while time.monotonic() < until:
            seconds = self._pause()
            if self._stop.wait(seconds) or seconds < STEP:
                return

    def _pause(self) -> float:
        try:
            with self._database.transaction() as session:
                return pause(self._due(session), clock.now())
        except Unavailable:
            return LONGEST


def pause(due: datetime | None, now: datetime) -> float:
    """How long to sleep, in seconds: until the next due moment, but neither for long nor not at all."""
    if due is None:
        return STEP
    return min(max((due - now).total_seconds(), SHORTEST), STEP)
