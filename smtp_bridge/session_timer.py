"""Session timer: how long a client may be idle, and how long its session may last."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from math import inf


class SessionTimer:
    """Calls `expired` when the client was idle for too long, or the session's time is up. Restarting is cheap."""

    def __init__(self, loop: AbstractEventLoop, seconds: float, expired: Callable[[], None]) -> None:
        self._loop, self._expired = loop, expired
        self._session_ends = loop.time() + seconds
        self._idle_until = self._set_for = inf
        self._handle: TimerHandle | None = None

    def restart(self, patience: float) -> None:
        """Expire after `patience` seconds from now."""
        self._idle_until = self._loop.time() + patience
        if self._due < self._set_for:
            self._set()

    def suspend(self) -> None:
        """Expire at the session's end only: the client may be idle."""
        self._idle_until = inf

    def stop(self) -> None:
        """Do not expire any more."""
        if self._handle:
            self._handle.cancel()

    @property
    def _due(self) -> float:
        return min(self._idle_until, self._session_ends)

    def _set(self) -> None:
        self.stop()
        self._set_for = self._due
        self._handle = self._loop.call_at(self._set_for, self._tick)

    def _tick(self) -> None:
        if self._loop.time() < self._due:  # restarted since
            self._set()
        else:
            self._expired()
