"""Worker heartbeat: a session advisory lock, and a row that is updated every few seconds with the relays' state.

The lock ends with the connection; then the rows claimed by the worker may be released (mailtalk/db/workers.py). Each
heartbeat also ends the sessions of workers that are frozen.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from mailtalk.db import workers
from mailtalk.db.database import Database, sqlstate
from mailtalk.outbound.circuit_breaker import RelayStatus
from mailtalk.rate_limited_log import RateLimitedLog

BEAT = 2.0  # seconds

log = logging.getLogger(__name__)


class Heartbeat:
    """Heartbeat thread; `id` is the worker's, None while the database is unreachable, and a new one afterwards."""

    def __init__(self, database: Database, relays: Callable[[], Sequence[RelayStatus]] = list) -> None:
        self.id: int | None = None
        self._database, self._relays = database, relays
        self._former: int | None = None
        self._log = RateLimitedLog(log)
        self._stop = threading.Event()
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start; returns after the first beat, or after BEAT seconds without one."""
        self._thread.start()
        self._first.wait(BEAT)

    def stop(self) -> None:
        """Stop; the lock ends with its connection."""
        self._stop.set()
        self._thread.join(BEAT * 2)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._database.single.connect() as connection:
                    self._beat(connection)
            except DBAPIError as error:
                self._database.outage.begin(sqlstate(error))
                self._log.warning("lost the database (%s); the heartbeat stopped", type(error.orig).__name__)
            finally:
                self.id = None
            self._stop.wait(BEAT / 2)

    def _beat(self, connection: Connection) -> None:
        name = f"{socket.gethostname()}/{os.getpid()}"
        worker_id = workers.begin(connection, name, self._database.application, self._former)
        self.id = self._former = worker_id
        self._first.set()
        while not self._stop.wait(BEAT):
            for silent in workers.end_silent(connection, worker_id):
                log.warning("worker %s was silent for %s; its work is taken over", silent, workers.FRESH)
            if not workers.beat(connection, worker_id, msgspec.json.encode(self._relays()).decode()):
                return
        with suppress(DBAPIError):
            workers.end(connection, worker_id)
