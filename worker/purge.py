"""The purge: forgets what is older than was promised, once an hour at most."""

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk import clock, events, idempotency, notifications
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
        self._all(idempotency.purge)
        self._all(notifications.purge)
        self._all(lambda session, now: book.purge(session, now, self._event_days))
        self._all(lambda session, now: events.purge(session, now, self._event_days))

    def _all(self, purge: Callable[[Session, datetime], int]) -> None:
        purged = 1
        while purged:
            with self._database.transaction() as session:
                purged = purge(session, clock.now())
