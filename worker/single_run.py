"""A job that runs in one thread at a time: a call while it runs has it run once more, and returns at once."""

import threading
from collections.abc import Callable


class SingleRun:
    """Callable from any thread; an error of the job is its caller's."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._job = job
        self._wanted = threading.Event()
        self._running = threading.Lock()

    def __call__(self) -> None:
        """Run the job, now or as soon as the run under way has ended."""
        self._wanted.set()
        while self._wanted.is_set() and self._running.acquire(blocking=False):
            try:
                self._wanted.clear()
                self._job()
            finally:
                self._running.release()
