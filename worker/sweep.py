"""The sweep: looks at the queues whether or not a bell rang; it starts before Celery and needs no broker."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk.db.database import Database
from mailtalk.db.server_clock import ServerClock
from mailtalk.errors import Unavailable
from worker.jobs import safely

LONGEST = 2.0  # maximum seconds between two looks, even if nothing is due
RESTING = 10.0  # the same of a queue whose due times are complete; each look costs a few transactions
STEP = 0.5  # seconds between two queries of the due times: the delay of everything while the broker is unreachable
SHORTEST = 0.05
ENDING = 4.0  # seconds that `stop` waits for the current look

log = logging.getLogger(__name__)


# Time of the next due work, given the time of the database's server; None if nothing is queued.
Due = Callable[[Session, datetime], datetime | None]


class Watch:
    """Due times of all sweeps, queried in one transaction, so that idling is cheap."""

    def __init__(self, database: Database) -> None:
        self._database, self.clock = database, ServerClock()
        self._lock = threading.Lock()
        self._moments: dict[Due, datetime | None] = {}
        self._asked_at = float("-inf")

    def add(self, due: Due) -> None:
        """Add a due time to the query."""
        self._moments[due] = None

    def ask(self, due: Due, looked_at: float) -> datetime | None:
        """Cached due time; queried again if it is old, or older than the look that it would trigger again."""
        with self._lock:
            age, moment = time.monotonic() - self._asked_at, self._moments[due]
            if age >= STEP or (moment is not None and self._asked_at < looked_at):
                self._refresh()
            return self._moments[due]

    def _refresh(self) -> None:
        with self._database.transaction() as session:
            now = self.clock.read(session)
            self._moments = {due: due(session, now) for due in self._moments}
        self._asked_at = time.monotonic()


class Sweep:
    """Thread that sleeps until something is due, at most `longest` seconds, and then looks."""

    def __init__(self, watch: Watch, due: Due, *looks: Callable[[], None], longest: float = LONGEST) -> None:
        self._watch, self._due, self._looks, self._longest = watch, due, looks, longest
        self._looked_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        watch.add(due)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current look."""
        self._stop.set()
        self._thread.join(ENDING)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._looked_at = time.monotonic()
            for look in self._looks:
                safely(look)
            self._sleep(time.monotonic() + self._longest)

    def _sleep(self, until: float) -> None:
        while time.monotonic() < until:
            seconds = self._pause()
            if self._stop.wait(seconds) or seconds < STEP:
                return

    def _pause(self) -> float:
        try:
            return pause(self._watch.ask(self._due, self._looked_at), self._watch.clock.now())
        except Unavailable:
            return LONGEST
        except Exception:
            log.exception("the due times could not be read; the next look is made without them")
            return LONGEST


def pause(due: datetime | None, now: datetime) -> float:
    """Seconds to sleep until the due time, within bounds."""
    if due is None:
        return STEP
    return min(max((due - now).total_seconds(), SHORTEST), STEP)
