"""Worker heartbeat: a session advisory lock, and a row that is updated every few seconds.

The lock ends with the connection; then the rows claimed by the worker may be released (mailtalk/db/workers.py).
"""

import logging
import os
import socket
import threading
from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from mailtalk.db.database import Database
from mailtalk.db.workers import LOCK

BEAT = 2.0  # seconds

log = logging.getLogger(__name__)


class Heartbeat:
    """Heartbeat thread; `id` is the worker's, None while the database is unreachable, and a new one afterwards."""

    def __init__(self, database: Database) -> None:
        self.id: int | None = None
        self._database = database
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
                log.warning("lost the database (%s); the heartbeat stopped", type(error.orig).__name__)
            finally:
                self.id = None
            self._stop.wait(BEAT / 2)

    def _beat(self, connection: Connection) -> None:
        worker_id = connection.scalar(
            text("INSERT INTO workers (name, started_at, beat_at) VALUES (:name, now(), now()) RETURNING id"),
            {"name": f"{socket.gethostname()}/{os.getpid()}"},
        )
        connection.execute(
            text("SELECT pg_advisory_lock(:class, CAST(:id AS integer))"), {"class": LOCK, "id": worker_id}
        )
        connection.execute(text("DELETE FROM workers WHERE beat_at < now() - interval '1 day'"))  # killed workers
        self.id = worker_id
        self._first.set()
        while not self._stop.wait(BEAT):
            connection.execute(text("UPDATE workers SET beat_at = now() WHERE id = :id"), {"id": worker_id})
        with suppress(DBAPIError):
            connection.execute(text("DELETE FROM workers WHERE id = :id"), {"id": worker_id})
