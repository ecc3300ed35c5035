"""Background tasks of an event loop, and a count of the work that they have in progress."""

import asyncio
import threading


def keep(tasks: set["asyncio.Task[None]"], task: "asyncio.Task[None]") -> None:
    """Keep a reference to a task until it is done: the event loop holds only a weak one."""
    tasks.add(task)
    task.add_done_callback(tasks.discard)


class ClaimCount:
    """Number of claims in progress; any thread may wait until there are none."""

    def __init__(self) -> None:
        self.number = 0
        self._none = threading.Condition()

    def add(self, more: int) -> None:
        """Count claims that begin, or that end if negative."""
        with self._none:
            self.number += more
            if not self.number:
                self._none.notify_all()

    def wait_for_none(self) -> None:
        """Wait until no claim is in progress."""
        with self._none:
            self._none.wait_for(lambda: self.number == 0)
