"""A worker's life: a session-level advisory lock and a heartbeat; when it ends, what it had in hand is free."""

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


class Life:
    """A thread that beats; `id` is None while there is no life, and a new one after the database was away."""

    def __init__(self, database: Database) -> None:
        self.id: int | None = None
        self._database = database
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="life", daemon=True)

    def start(self) -> None:
        """Begin to live; waits for the first life, but not for ever when the database is away."""
        self._thread.start()
        self._begun.wait(BEAT)

    def stop(self) -> None:
        """End: the lock goes with the connection."""
        self._stop.set()
        self._thread.join(BEAT * 2)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._database.single.connect() as connection:
                    self._live(connection)
            except DBAPIError as error:
                log.warning("the worker's life was cut: %s", type(error.orig).__name__)
            finally:
                self.id = None
            self._stop.wait(BEAT / 2)

    def _live(self, connection: Connection) -> None:
        worker_id = connection.scalar(
            text("INSERT INTO workers (name, started_at, beat_at) VALUES (:name, now(), now()) RETURNING id"),
            {"name": f"{socket.gethostname()}/{os.getpid()}"},
        )
        connection.execute(
            text("SELECT pg_advisory_lock(:class, CAST(:id AS integer))"), {"class": LOCK, "id": worker_id}
        )
        connection.execute(text("DELETE FROM workers WHERE beat_at < now() - interval '1 day'"))  # who was killed
        self.id = worker_id
        self._begun.set()
        while not self._stop.wait(BEAT):
            connection.execute(text("UPDATE workers SET beat_at = now() WHERE id = :id"), {"id": worker_id})
        with suppress(DBAPIError):
            connection.execute(text("DELETE FROM workers WHERE id = :id"), {"id": worker_id})
