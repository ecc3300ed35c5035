"""Job that runs in one thread at a time: a call during a run requests one more run, and returns at once."""

import threading
from collections.abc import Callable


class SingleRun:
    """Callable from any thread; an error of the job is raised to its caller."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._job = job
        self._wanted = threading.Event()
        self._running = threading.Lock()

    def __call__(self) -> None:
        """Run the job, now or once the current run has ended."""
        self._wanted.set()
        while self._wanted.is_set() and self._running.acquire(blocking=False):
            try:
                self._wanted.clear()
                self._job()
            finally:
                self._running.release()
