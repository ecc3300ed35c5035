"""Limit of connections to one relay: lowered for a while after the relay refused one too many.

A connection that is slow lends its place to another, so that a relay that hangs at one mail delays no other for long.
"""

import asyncio
import time
from collections import deque

LOWERED = 60.0  # seconds
SLOW = 5.0  # seconds that one mail may take before its connection's place is lent


class ConnectionLimit:
    """Asynchronous context manager; entering waits until another connection is allowed."""

    def __init__(self, most: int) -> None:
        self._most, self._lowered, self._until = most, most, 0.0
        self._used = 0
        self._places: dict[asyncio.Task[object], asyncio.TimerHandle | None] = {}  # None: the place is lent
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        """Acquire a connection."""
        while self._used >= self._limit():
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]
        self._used += 1
        task = _task()
        self._places[task] = asyncio.get_running_loop().call_later(SLOW, self._lend, task)

    async def __aexit__(self, *_: object) -> None:
        """Release a connection."""
        lending = self._places.pop(_task())
        if lending is not None:
            lending.cancel()
            self._used -= 1
        self._wake()

    def lower(self) -> bool:
        """Lower the limit to the number of other connections in use; False if there are none."""
        others = self._used - 1
        if others < 1:
            return False
        self._lowered, self._until = others, time.monotonic() + LOWERED
        return True

    def _lend(self, task: "asyncio.Task[object]") -> None:
        """Stop counting a connection, unless as many as the limit are lent already."""
        lent = sum(timer is None for timer in self._places.values())
        if lent < self._most:
            self._places[task] = None
            self._used -= 1
            self._wake()

    def _limit(self) -> int:
        return self._most if time.monotonic() >= self._until else self._lowered

    def _wake(self) -> None:
        """Wake as many waiters as there is room for: more than one once the limit is raised again."""
        room = self._limit() - self._used
        while self._waiting and room > 0:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                room -= 1


def _task() -> "asyncio.Task[object]":
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  a coroutine runs in one
    return task
