"""The purge: forgets what is older than was promised, once an hour at most."""

import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from mailtalk import clock, events, idempotency
from mailtalk.db import Database
from mailtalk.webhooks import book

HOUR = 3600.0  # seconds


class Purge:
    """A look of the sweep's; the first one purges."""

    def __init__(self, database: Database, event_days: float) -> None:
        self._database, self._event_days, self._next = database, event_days, 0.0

    def look(self) -> None:
        """Purge, unless it was done within the hour."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + HOUR
        self._drain(lambda session: idempotency.purge(session, clock.now()))
        self._drain(lambda session: book.purge(session, clock.now(), self._event_days))
        self._drain(lambda session: events.purge(session, clock.now(), self._event_days))

    def _drain(self, purge: Callable[[Session], int]) -> None:
        while True:
            with self._database.transaction() as session:
                if not purge(session):
                    return
