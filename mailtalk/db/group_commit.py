"""Group commit: items that arrive while a batch is running form the next batch; each caller gets its own result."""

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

QUEUE_LIMIT = 5_000  # total weight of the queue
BATCH_LIMIT = 500  # weight of one batch; a heavier item goes alone
DEADLINE = 10.0  # seconds


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    weight: int
    done: "asyncio.Future[Result]"
    deadline: asyncio.TimerHandle | None = None
    taken: bool = False


async def in_time(answer: Awaitable[Result], seconds: float = DEADLINE) -> Result:
    """Wait for a result of the database; Unavailable after `seconds`. The thread behind it continues alone."""
    going = asyncio.ensure_future(answer)
    try:
        return await asyncio.wait_for(asyncio.shield(going), seconds)
    except TimeoutError:
        going.add_done_callback(lambda late: late.cancelled() or late.exception())  # no one else will retrieve it
        raise Unavailable("the database does not answer in time") from None


class Batches(Generic[Item, Result]):
    """Queue handled in batches of everything that has arrived meanwhile; up to `parallel` batches at a time.

    `handle(items) -> results` must not fail because of one bad item; if it does all the same, the batch is
    repeated one by one, so that a bad item does not affect the others. `weigh` gives the weight of an item.
    """

    observe: Callable[[int], None] = staticmethod(lambda _items: None)  # called with the size of each batch

    def __init__(
        self,
        handle: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        weigh: Callable[[Item], int] = lambda _item: 1,
        parallel: int = 1,
    ) -> None:
        self._handle = handle
        self._weigh = weigh
        self._parallel = parallel
        self._queued = 0
        self._queue: list[_Waiting[Item, Result]] = []
        self._workers: set[asyncio.Task[None]] = set()

    async def put(self, item: Item) -> Result:
        """Have an item handled; returns afterwards. Unavailable if it is not known to be done.

        A cancelled caller (its client disconnected) does not stop the batch.
        """
        return await self.submit(item)

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Like `put` without a coroutine: a future of the result. Unavailable if the queue is full."""
        if self._queued >= QUEUE_LIMIT:
            raise Unavailable("too much is waiting for the database")
        loop = asyncio.get_running_loop()
        waiting: _Waiting[Item, Result] = _Waiting(item, self._weigh(item), loop.create_future())
        waiting.deadline = loop.call_later(DEADLINE, self._expire, waiting)
        self._queue.append(waiting)
        self._queued += waiting.weight
        if len(self._workers) < self._parallel:
            self._workers.add(loop.create_task(self._handle_all()))
        return waiting.done

    async def close(self) -> None:
        """Wait until all items are handled."""
        await asyncio.gather(*self._workers)

    def _expire(self, waiting: _Waiting[Item, Result]) -> None:
        if not waiting.taken:  # not written yet: an item reported as failed must not be stored later
            self._queue.remove(waiting)
            self._queued -= waiting.weight
        _answer(waiting, Unavailable("the database does not answer in time"))

    async def _handle_all(self) -> None:
        try:
            while self._queue:
                batch = self._take()
                self.observe(len(batch))
                results = await self._results([waiting.item for waiting in batch])
                for waiting, result in zip(batch, results, strict=True):
                    _answer(waiting, result)
                self._handled()
        finally:
            self._workers.discard(asyncio.current_task())

    def _take(self) -> list[_Waiting[Item, Result]]:
        """Take the oldest items that fit into one batch, and at least one."""
        totals = accumulate(waiting.weight for waiting in self._queue)
        count = max(1, sum(1 for _ in takewhile(BATCH_LIMIT.__ge__, totals)))
        batch, self._queue = self._queue[:count], self._queue[count:]
        for waiting in batch:
            waiting.taken = True
            self._queued -= waiting.weight
        return batch

    async def _results(self, items: Sequence[Item]) -> Sequence[Result | Unavailable]:
        try:
            return await self._handle(items)
        except Unavailable as error:
            return [error] * len(items)
        except Exception:
            if len(items) == 1:
                log.exception("an item could not be stored")
                return [Unavailable("it could not be stored")]
            log.exception("a batch of %d could not be stored; one by one now", len(items))
            return [(await self._results([item]))[0] for item in items]

    def _handled(self) -> None:
        """Hook called after each batch, when its callers have their results."""


class GroupCommit(Batches[Item, Result]):
    """Batches of one transaction each, in a thread: `write(session, items)`; `committed` is called after each."""

    def __init__(
        self,
        database: Database,
        write: Callable[[Session, Sequence[Item]], Sequence[Result]],
        committed: Callable[[], None],
        weigh: Callable[[Item], int] = lambda _item: 1,
    ) -> None:
        super().__init__(self._in_thread, weigh)
        self._database = database
        self._write = write
        self._committed = committed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="group-commit")

    async def close(self) -> None:
        """Wait until all items are committed."""
        await super().close()
        self._thread.shutdown(wait=False)

    async def _in_thread(self, items: Sequence[Item]) -> Sequence[Result]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, items)

    def _commit(self, items: Sequence[Item]) -> Sequence[Result]:
        with self._database.transaction() as session:
            return self._write(session, items)

    def _handled(self) -> None:
        self._committed()


def _answer(waiting: _Waiting[Item, Result], result: Result | Unavailable) -> None:
    if waiting.deadline:
        waiting.deadline.cancel()
    if waiting.done.done():  # too late, or the caller is gone
        return
    if isinstance(result, Unavailable):
        waiting.done.set_exception(result)
        waiting.done.exception()  # retrieved, since there may be no caller left
    else:
        waiting.done.set_result(result)
