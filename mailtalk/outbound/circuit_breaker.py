"""A breaker: what is in trouble is left alone for a while, then tried by one, and is used again once that goes well."""

import threading
import time

FIRST = 2.0  # seconds of the first pause; each one after a try that failed is twice as long
LONGEST = 300.0
TRY = 120.0  # seconds after which a try that told nothing no longer keeps another from it


class Breaker:
    """Used by several threads; `enter` gives a ticket, with which `trip`, `doubt` or `mend` says how it went."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trips = 0
        self._until = 0.0

    def room(self) -> bool | None:
        """True: open to all; None: to one, who tries; False: to nobody now."""
        with self._lock:
            if self._trips == 0:
                return True
            return None if time.monotonic() >= self._until else False

    def enter(self) -> int | None:
        """A ticket, or None when it is to be left alone."""
        with self._lock:
            now = time.monotonic()
            if self._trips and now < self._until:
                return None
            if self._trips:
                self._until = now + TRY
            return self._trips

    def trip(self, ticket: int) -> bool:
        """Begin a pause, or a longer one; False when another's trouble did already."""
        with self._lock:
            if ticket != self._trips:
                return False
            self._until = time.monotonic() + min(FIRST * 2.0**self._trips, LONGEST)
            self._trips += 1
            return True

    def doubt(self, ticket: int) -> None:
        """It broke in the middle: if that was a try, the pause goes on; else it may have been for the mail."""
        if ticket:
            self.trip(ticket)

    def mend(self, ticket: int) -> bool:
        """Open it to all again; True when it was not."""
        with self._lock:
            if ticket != self._trips or not self._trips:
                return False
            self._trips = 0
            return True
