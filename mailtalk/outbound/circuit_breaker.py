"""Circuit breaker: a failed relay is not used for a while; then one mail probes it."""

import time
from enum import StrEnum

import msgspec

FIRST = 2.0  # seconds of the first pause; doubled with each failed probe
LONGEST = 300.0
TRY = 120.0  # seconds after which a probe without an outcome no longer blocks the next one


class CircuitState(StrEnum):
    """CLOSED: in use. HALF_OPEN: one probe may pass. OPEN: not in use."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


class RelayStatus(msgspec.Struct, frozen=True):
    """State of a relay as one worker sees it, stored with its heartbeat; `reason` is that of the last pause."""

    name: str  # host and port
    state: CircuitState
    pause: float  # seconds until the next probe
    reason: str | None


class CircuitBreaker:
    """State of one relay. `enter` gives a ticket; `trip`, `suspect` or `close` with it report the outcome.

    A ticket is the number of failures in a row at its start, so a late outcome cannot undo a newer one.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    @property
    def state(self) -> CircuitState:
        """Current state."""
        if self._failures == 0:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if time.monotonic() >= self._until else CircuitState.OPEN

    @property
    def pause(self) -> float:
        """Seconds until the next probe; 0 while the circuit is not open."""
        return max(self._until - time.monotonic(), 0.0) if self._failures else 0.0

    def enter(self) -> int | None:
        """A ticket to use the relay; None while it is OPEN. In HALF_OPEN the ticket is the probe's."""
        state = self.state
        if state is CircuitState.OPEN:
            return None
        if state is CircuitState.HALF_OPEN:
            self._until = time.monotonic() + TRY
        return self._failures

    def has_failed_since(self, ticket: int) -> bool:
        """True if the relay failed since this ticket was given."""
        return self._failures > ticket

    def trip(self, ticket: int) -> bool:
        """Report a failure; False if another one with the same ticket has already opened the circuit."""
        if ticket != self._failures:
            return False
        self._until = time.monotonic() + min(FIRST * 2.0**self._failures, LONGEST)
        self._failures += 1
        return True

    def suspect(self, ticket: int) -> None:
        """Report a failure that may be the mail's fault: it counts only if it was the probe's."""
        if ticket:
            self.trip(ticket)

    def close(self, ticket: int) -> bool:
        """Report a success; True if it closed the circuit."""
        if ticket != self._failures or not self._failures:
            return False
        self._failures = 0
        return True
