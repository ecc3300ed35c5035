"""Wait for changes to be applied: woken by Redis pub/sub, and by polling the rows while Redis is unreachable."""

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from mailtalk.changes import log as change_log
from mailtalk.changes.log import Ended
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from worker.bell import CHANNEL

HEARING = 0.5  # seconds between polls while subscribed: announcements may be lost
DEAF = 0.1  # seconds between polls while not subscribed
SILENCE = 3.0  # seconds without a message or pong until reconnecting: a frozen broker closes no connection
HEARD = 20_000  # announcements kept for requests that do not wait yet

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Waiter:
    """Request waiting for changes; `done` is set when all have ended."""

    app_id: str
    left: set[int]
    done: asyncio.Future[None]
    ended: dict[int, Ended] = field(default_factory=dict)

    def hear(self, ended: Ended) -> None:
        self.ended[ended.id] = ended
        self.left.discard(ended.id)
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Outcomes:
    """Waiting requests of this process, by change."""

    def __init__(self, database: Database, redis_url: str) -> None:
        self._database, self._redis_url = database, redis_url
        self._waiting: dict[int, list[_Waiter]] = {}
        self._heard: dict[int, None] = {}  # an ordered set, the oldest first
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.hears = False

    def start(self) -> None:
        """Start listening; call it before any change is accepted, so that no announcement is missed."""
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._look())]

    async def stop(self) -> None:
        """Stop listening; requests still waiting answer 202 at their own deadlines."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def of(self, app_id: str, ids: Sequence[int], seconds: float) -> dict[int, Ended]:
        """Wait for changes to end, at most `seconds`; return those that ended in time, by id."""
        waiter = _Waiter(app_id, set(ids), asyncio.get_running_loop().create_future())
        for change_id in ids:
            self._waiting.setdefault(change_id, []).append(waiter)
        if not self._heard.keys().isdisjoint(ids):
            self._news.set()
        try:
            await asyncio.wait([waiter.done], timeout=seconds)
        finally:
            self._forget(waiter, ids)
        return waiter.ended

    def announced(self, ids: Sequence[int]) -> None:
        """Poll at once for requests that wait for these changes, now or soon. Only the rows tell how a change ended."""
        self._heard.update(dict.fromkeys(ids))
        while len(self._heard) > HEARD:
            del self._heard[next(iter(self._heard))]
        if not self._waiting.keys().isdisjoint(ids):
            self._news.set()

    def _forget(self, waiter: _Waiter, ids: Iterable[int]) -> None:
        for change_id in ids:
            others = [each for each in self._waiting.pop(change_id, []) if each is not waiter]
            if others:
                self._waiting[change_id] = others

    def _tell(self, ended: Iterable[Ended]) -> None:
        for each in ended:
            for waiter in self._waiting.get(each.id, []):
                waiter.hear(each)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (RedisError, OSError, ValueError, TypeError) as error:  # the last two: malformed messages
                if self.hears:
                    log.warning("the broker does not answer (%s); polling the database instead", type(error).__name__)
            self.hears = False
            await asyncio.sleep(HEARING)

    async def _hear(self) -> None:
        async with (
            Redis.from_url(self._redis_url, socket_connect_timeout=1, socket_timeout=5) as redis,
            redis.pubsub() as pubsub,
        ):
            await pubsub.subscribe(CHANNEL)
            heard = time.monotonic()
            while time.monotonic() < heard + SILENCE:
                message = await pubsub.get_message(timeout=1)
                if message is None:
                    await pubsub.ping()
                    continue
                self.hears, heard = True, time.monotonic()
                if message["type"] == "message":
                    self.announced([int(change_id) for change_id in json.loads(message["data"])])
            raise TimeoutError

    async def _look(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), HEARING if self.hears else DEAF)
            self._news.clear()
            if self._waiting:
                try:
                    self._tell(await run_in_threadpool(self._ended, self._left()))
                except Unavailable as error:
                    log.warning("polling for changes failed: %s", error)
                except Exception:
                    log.exception("polling for changes failed")

    def _left(self) -> list[tuple[str, int]]:
        waiters = {waiter for each in self._waiting.values() for waiter in each}
        return [(waiter.app_id, change_id) for waiter in waiters for change_id in waiter.left]

    def _ended(self, asked: list[tuple[str, int]]) -> list[Ended]:
        with self._database.transaction() as session:
            return change_log.ended(session, asked)
