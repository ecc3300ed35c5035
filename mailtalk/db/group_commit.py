"""Many arrivals, one commit: whatever comes while a commit is under way goes into the next one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from mailtalk.db.database import Database
from mailtalk.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")
log = logging.getLogger(__name__)

QUEUE_LIMIT = 5_000  # weight of what waits
BATCH_LIMIT = 500  # weight of one commit; what is heavier goes alone
DEADLINE = 10.0  # seconds


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    weight: int
    done: "asyncio.Future[Result]"
    taken: bool = False


async def in_time(answer: Awaitable[Result], seconds: float = DEADLINE) -> Result:
    """Wait for an answer of the database, but not for ever: Unavailable when it hangs. Its thread goes on alone."""
    going = asyncio.ensure_future(answer)
    try:
        return await asyncio.wait_for(asyncio.shield(going), seconds)
    except TimeoutError:
        going.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody else will ask
        raise Unavailable("the database does not answer in time") from None


class GroupCommit(Generic[Item, Result]):
    """A door's intake: `write` stores a batch and gives one result an item; `committed` is called after the commit.

    `write(session, items) -> results` must not fail because of one bad item; when it does all the same,
    the batch is repeated one by one so that neighbours don't hurt each other. `weigh` says how much an item is.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[Session, Sequence[Item]], Sequence[Result]],
        committed: Callable[[], None],
        weigh: Callable[[Item], int] = lambda _item: 1,
    ) -> None:
        self._database = database
        self._write = write
        self._committed = committed
        self._weigh = weigh
        self._queued = 0
        self._queue: list[_Waiting[Item, Result]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="group-commit")

    async def put(self, item: Item) -> Result:
        """Store an item; returns after its commit, raises Unavailable when it is not known to be stored.

        A caller that is cancelled (its client went away) does not stop the commit.
        """
        if self._queued >= QUEUE_LIMIT:
            raise Unavailable("too much is waiting to be stored")
        waiting = _Waiting[Item, Result](item, self._weigh(item), asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._queued += waiting.weight
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return await self._outcome(waiting)

    async def close(self) -> None:
        """Wait until everything that came is committed."""
        if self._writer is not None:
            await self._writer
        self._thread.shutdown(wait=False)

    async def _outcome(self, waiting: _Waiting[Item, Result]) -> Result:
        try:
            return await asyncio.wait_for(asyncio.shield(waiting.done), DEADLINE)
        except TimeoutError:
            if not waiting.taken:  # nothing was written yet: what is answered "no" must not happen later
                self._queue.remove(waiting)
                self._queued -= waiting.weight
            raise Unavailable("the database does not answer in time") from None

    async def _write_all(self) -> None:
        try:
            while self._queue:
                batch = self._take()
                outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, self._store, batch)
                self._answer(batch, outcomes)
        finally:
            self._writer = None

    def _take(self) -> list[_Waiting[Item, Result]]:
        """The oldest that go into one commit together, and at least one."""
        totals = accumulate(waiting.weight for waiting in self._queue)
        count = max(1, sum(1 for _ in takewhile(BATCH_LIMIT.__ge__, totals)))
        batch, self._queue = self._queue[:count], self._queue[count:]
        for waiting in batch:
            waiting.taken = True
            self._queued -= waiting.weight
        return batch

    def _answer(self, batch: Sequence[_Waiting[Item, Result]], outcomes: Sequence[Result | Unavailable]) -> None:
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Unavailable):
                waiting.done.set_exception(outcome)
                waiting.done.exception()  # retrieved: whoever waited may be gone
            else:
                waiting.done.set_result(outcome)
        self._committed()

    def _store(self, batch: Sequence[_Waiting[Item, Result]]) -> Sequence[Result | Unavailable]:
        items = [waiting.item for waiting in batch]
        try:
            return self._commit(items)
        except Unavailable as error:
            return [error] * len(items)
        except Exception:
            log.exception("a batch of %d could not be stored; one by one now", len(items))
            return [self._store_alone(item) for item in items]

    def _store_alone(self, item: Item) -> Result | Unavailable:
        try:
            return self._commit([item])[0]
        except Unavailable as error:
            return error
        except Exception:
            log.exception("an item could not be stored")
            return Unavailable("it could not be stored")

    def _commit(self, items: Sequence[Item]) -> Sequence[Result]:
        with self._database.transaction() as session:
            return self._write(session, items)
