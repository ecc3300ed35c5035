"""Webhook sender: fans out committed events, and sends claimed queues of deliveries on an event loop of its own."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import uvloop
from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.db import server_clock
from mailtalk.db.database import Database
from mailtalk.db.group_commit import Batches
from mailtalk.db.kept_connection import KeptConnection
from mailtalk.errors import Unavailable
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.webhooks import fanout, queue, results, successes
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.http_client import HttpResult
from mailtalk.webhooks.queue import ClaimedQueue, Run
from mailtalk.webhooks.results import Attempt
from mailtalk.webhooks.ssrf import SsrfGuard
from mailtalk.webhooks.transports import Transports
from worker import metrics
from worker.background_tasks import keep
from worker.single_run import SingleRun

PARALLEL = 128  # queues that are sent at the same time; most of their time is spent waiting
RESOLVING = 32  # host names that are resolved at the same time

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class WebhookSender:
    """Sender of due deliveries; a slow endpoint occupies only the few places that its queues may have."""

    def __init__(
        self, database: Database, keyring: Keyring, guard: SsrfGuard, links: Links, worker_id: Callable[[], int | None]
    ) -> None:
        self._database, self._links, self._worker_id = database, links, worker_id
        self._transports = Transports(keyring, guard)
        self._sending: set[asyncio.Task[None]] = set()
        self._taking: set[asyncio.Task[None]] = set()
        self._finished: list[ClaimedQueue] = []
        self._late: list[ClaimedQueue] = []  # released at the next recovery, or they would fail again in a busy loop
        self._is_taking = self._closing = self.held = False  # held: nothing is sent
        self._kept = KeptConnection(database)
        self._successes = Batches[Attempt, bool](self._record_successes)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="webhook-database")
        self._look_once = SingleRun(self._look)
        self._loop = uvloop.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(RESOLVING, thread_name_prefix="resolver"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="webhook-sender", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish the current requests."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._threads.shutdown()

    def due(self, session: Session, now: datetime) -> datetime | None:
        """Current time if `look` has something to do, else None."""
        return now if fanout.has_new(session) or (self._room() and queue.has_due(session, now)) else None

    def look(self) -> None:
        """Fan out new events, and start sending the due queues; returns before they are sent."""
        self._look_once()

    def recover(self) -> None:
        """Release the queues of dead workers, and ours that could not be released."""
        if self._late:
            self._run(self._start())
        with self._database.transaction() as session:
            count = queue.recover(session)
        if count:
            log.warning("released %d webhook queues of dead workers; current deliveries may be repeated", count)

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _look(self) -> None:
        while self._fan_out():
            self._run(self._start())  # the first are sent while the next are fanned out
        self._run(self._start())

    def _fan_out(self) -> int:
        with self._database.transaction() as session:
            return fanout.fan_out(session, server_clock.now(session))

    async def _start(self) -> None:
        self._transports.tidy()
        self._release_late()
        keep(self._taking, self._loop.create_task(self._take_more()))

    async def _close(self) -> None:
        self._closing = True
        while self._sending or self._taking:
            await asyncio.wait(self._sending | self._taking)
        self._release_late()
        await self._take_more()  # what fails now is released once this worker's heartbeat has ended
        await self._successes.close()
        await self._kept.close()
        self._transports.close()
        await self._loop.shutdown_default_executor()

    def _release_late(self) -> None:
        late, self._late = self._late, []
        self._finished += late

    def _room(self) -> int:
        return 0 if self._closing or self.held else max(PARALLEL - len(self._sending), 0)

    async def _take(self) -> None:
        """Release finished queues and claim due ones, until there are none; one transaction at a time does it."""
        if self._is_taking:
            return
        self._is_taking = True
        try:
            while await self._take_batch() or self._finished:
                pass
        finally:
            self._is_taking = False

    async def _take_batch(self) -> int:
        finished, self._finished = self._finished, []
        try:
            runs = await self._in_thread(self._exchange, finished, self._room())
        except BaseException:
            self._late += finished
            raise
        for run in runs:
            keep(self._sending, self._loop.create_task(self._send_run(run)))
        return len(runs)

    def _exchange(self, finished: Sequence[ClaimedQueue], room: int) -> list[Run]:
        worker_id = self._worker_id()
        with self._database.transaction() as session:
            queue.release(session, finished)
            if worker_id is None or not room:
                return []
            claimed = queue.claim(session, server_clock.now(session), worker_id, room)
            runs = queue.next_deliveries(session, claimed)
            filled = {run.queue for run in runs}
            queue.release(session, [empty for empty in claimed if empty not in filled])
            return runs

    async def _send_run(self, run: Run) -> None:
        """Send a queue's deliveries one after the other; then it is released, and another is claimed."""
        try:
            await self._send_in_order(run)
        except Unavailable as error:
            log.warning("webhooks are postponed: %s", error)
            self._late.append(run.queue)
        except Exception:
            log.exception("unexpected error while sending webhooks")
            self._late.append(run.queue)
        else:
            self._finished.append(run.queue)
            keep(self._taking, self._loop.create_task(self._take_more()))

    async def _send_in_order(self, run: Run) -> None:
        for delivery in run.deliveries:
            if self._closing:
                return
            result = await self._send(run, delivery)
            metrics.delivered(result, delivery.created_at)
            if not await self._record(Attempt(run.queue, delivery, result, clock.now())):
                return

    async def _send(self, run: Run, delivery: EventDelivery) -> HttpResult:
        try:
            return await self._transports.send(run.endpoint, delivery.with_file_links(self._links, run.queue.app_id))
        except Exception as error:
            log.exception("webhook event %s could not be sent", delivery.public_id)
            return HttpResult(None, f"error: {type(error).__name__}")

    async def _record(self, attempt: Attempt) -> bool:
        """Record an attempt; True if the next delivery of the queue may be sent at once."""
        is_plain = attempt.result.is_success and attempt.delivery.type is not None
        if is_plain and await self._successes.put(attempt):
            return True
        return await self._in_thread(self._record_alone, attempt)

    async def _record_successes(self, attempts: Sequence[Attempt]) -> list[bool]:
        rows = await self._kept.write(successes.RECORD, successes.parameters(attempts))
        recorded = {row[0] for row in rows}
        return [attempt.delivery.id in recorded for attempt in attempts]

    def _record_alone(self, attempt: Attempt) -> bool:
        with self._database.transaction() as session:
            return results.record(session, replace(attempt, at=server_clock.now(session)))

    async def _take_more(self) -> None:
        try:
            await self._take()
        except Unavailable as error:
            log.warning("webhook queues could not be released yet: %s", error)

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await self._loop.run_in_executor(self._threads, work, *arguments)
