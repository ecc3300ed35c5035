"""Outages of the database: their meaning by SQLSTATE, and one log line at their start and one at their end."""

import logging
import threading
import time

DISK_FULL, READ_ONLY, IO_ERROR = "53100", "25006", "58030"
# By SQLSTATE, or its class (PostgreSQL's documentation, Appendix A). What is not here concerns one statement only.
MEANINGS = {
    DISK_FULL: "the disk of PostgreSQL is full",
    IO_ERROR: "PostgreSQL cannot read or write its files (an I/O error)",
    READ_ONLY: "PostgreSQL is a standby, which cannot write",
    "53200": "PostgreSQL is out of memory",
    "53300": "PostgreSQL has no connection free (max_connections)",
    "57P01": "PostgreSQL ends connections, as it does when it stops",
    "57P02": "a process of PostgreSQL crashed, and it restarts",
    "57P03": "PostgreSQL starts, stops or recovers",
    "08": "the connection to PostgreSQL broke",
    "53": "PostgreSQL lacks a resource",
    "58": "PostgreSQL has an error of its system",
}
AWAY = "PostgreSQL does not answer"
OF_WRITES = (DISK_FULL, READ_ONLY, IO_ERROR)
QUIET = 10.0  # seconds without another such error after which writes are taken to work again: reads always did

log = logging.getLogger(__name__)


def meaning(state: str | None) -> str | None:
    """What a SQLSTATE says of the whole server; None if it concerns one statement. None as SQLSTATE: no answer."""
    if state is None:
        return AWAY
    return MEANINGS.get(state) or MEANINGS.get(state[:2])


class Outage:
    """State of one process's database: it works, or does not since a moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = self._last = 0.0
        self._state: str | None = None
        self.is_on = False

    def begin(self, state: str | None) -> bool:
        """Note an error; True if it is one of an outage. The first one is logged."""
        text = meaning(state)
        if text is None:
            return False
        with self._lock:
            self._last = time.monotonic()
            if not self.is_on:
                self.is_on, self._since, self._state = True, self._last, state
                log.error("%s; until it does its work, HTTP is answered 503 and mail 451, and nothing is lost", text)
        return True

    def end(self) -> None:
        """Note a success; the end of an outage is logged."""
        if not self.is_on:
            return
        with self._lock:
            now = time.monotonic()
            if not self.is_on or (self._state in OF_WRITES and now - self._last < QUIET):
                return
            self.is_on = False
            log.warning("PostgreSQL answers again after %.0f s", now - self._since)
