"""Purge: deletes what is older than its retention time, at most once an hour."""

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk import clock, file_uses
from mailtalk.changes import idempotency
from mailtalk.conversations import cursors
from mailtalk.db import origins
from mailtalk.db.database import Database

HOUR = 3600.0  # seconds


class Purge:
    """Hourly purge, called by the sweep; the first call purges."""

    def __init__(self, database: Database, *more: Callable[[Session, datetime], int]) -> None:
        own = (idempotency.purge, cursors.purge, file_uses.purge, origins.purge)
        self._database, self._next, self._purges = database, 0.0, (*own, *more)

    def look(self) -> None:
        """Purge, unless it was done within the last hour."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + HOUR
        for purge in self._purges:
            self._all(purge)

    def _all(self, purge: Callable[[Session, datetime], int]) -> None:
        self._database.drain(lambda session: purge(session, clock.now()))
