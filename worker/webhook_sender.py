"""Webhook sender: fans out committed events, and sends each claimed queue of deliveries on a thread of a pool."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import SimpleQueue

from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.webhooks import fanout, queue, results
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.http_client import HttpResult
from mailtalk.webhooks.queue import ClaimedQueue
from mailtalk.webhooks.results import Attempt
from mailtalk.webhooks.ssrf import SsrfGuard
from mailtalk.webhooks.transports import Send, connect

THREADS = 32  # parallel queues; most of their time is spent waiting

log = logging.getLogger(__name__)


class WebhookSender:
    """Sender of due deliveries; a slow endpoint occupies only the few threads that its queues may have."""

    def __init__(
        self, database: Database, keyring: Keyring, guard: SsrfGuard, links: Links, worker_id: Callable[[], int | None]
    ) -> None:
        self._database, self._worker_id = database, worker_id
        self._keyring, self._guard, self._links = keyring, guard, links
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks")
        self._free = threading.Semaphore(THREADS)
        self._unreleased: SimpleQueue[ClaimedQueue] = SimpleQueue()
        self._closing = False

    def close(self) -> None:
        """Finish the current requests."""
        self._closing = True
        self._threads.shutdown(cancel_futures=True)

    def due(self, session: Session) -> datetime | None:
        """Current time if `look` has something to do, else None."""
        now = clock.now()
        return now if fanout.has_new(session) or (self._has_room() and queue.has_due(session, now)) else None

    def look(self) -> None:
        """Fan out new events, and start sending the due queues; returns before they are sent."""
        self._release_late()
        self._database.drain(lambda session: fanout.fan_out(session, clock.now()))
        free = self._take_room()
        try:
            claimed = self._claim(free)
        except BaseException:
            self._free.release(free)
            raise
        if free > len(claimed):
            self._free.release(free - len(claimed))
        for claimed_queue in claimed:
            self._threads.submit(self._work, claimed_queue)

    def recover(self) -> None:
        """Release the queues of dead workers."""
        with self._database.transaction() as session:
            count = queue.recover(session)
        if count:
            log.warning("released %d webhook queues of dead workers; current deliveries may be repeated", count)

    def _has_room(self) -> bool:
        free = self._free.acquire(blocking=False)
        if free:
            self._free.release()
        return free

    def _take_room(self) -> int:
        taken = 0
        while self._free.acquire(blocking=False):
            taken += 1
        return taken

    def _claim(self, limit: int) -> list[ClaimedQueue]:
        worker_id = self._worker_id()
        if worker_id is None or not limit or self._closing:
            return []
        with self._database.transaction() as session:
            return queue.claim(session, clock.now(), worker_id, limit)

    def _work(self, claimed: ClaimedQueue) -> None:
        """Send queue after queue, as long as any is due."""
        current: ClaimedQueue | None = claimed
        try:
            while current is not None:
                current = self._next(current if self._send_safely(current) else None)
        finally:
            self._free.release()

    def _send_safely(self, claimed: ClaimedQueue) -> bool:
        try:
            self._send_queue(claimed)
        except Unavailable as error:
            log.warning("webhooks are postponed: %s", error)
        except Exception:
            log.exception("unexpected error while sending webhooks")
        else:
            return True
        self._unreleased.put(claimed)  # delayed, or it would fail again in a busy loop
        return False

    def _send_queue(self, claimed: ClaimedQueue) -> None:
        with self._database.transaction() as session:
            endpoint, deliveries = queue.next_deliveries(session, claimed)
        if endpoint is None:
            return
        with connect(endpoint, self._keyring, self._guard) as send:
            for delivery in deliveries:
                if self._closing:
                    return
                result = self._send(send, delivery, endpoint.app_id)
                with self._database.transaction() as session:
                    if not results.record(session, Attempt(claimed, delivery, result, clock.now())):
                        return

    def _send(self, send: Send, delivery: EventDelivery, app_id: str) -> HttpResult:
        try:
            return send(delivery.with_file_links(self._links, app_id))
        except Exception as error:
            log.exception("webhook event %s could not be sent", delivery.public_id)
            return HttpResult(None, f"error: {type(error).__name__}")

    def _next(self, claimed: ClaimedQueue | None) -> ClaimedQueue | None:
        """Release one queue and claim another."""
        worker_id = self._worker_id()
        try:
            with self._database.transaction() as session:
                if claimed is not None:
                    queue.release(session, claimed)
                if worker_id is None or self._closing:
                    return None
                return next(iter(queue.claim(session, clock.now(), worker_id, 1)), None)
        except Exception as error:  # noqa: BLE001  only we can release it: the claim is ours while we live
            log.warning("a webhook queue could not be released yet: %s", type(error).__name__)
            if claimed is not None:
                self._unreleased.put(claimed)
            return None

    def _release_late(self) -> None:
        for _ in range(self._unreleased.qsize()):
            claimed = self._unreleased.get()
            try:
                with self._database.transaction() as session:
                    queue.release(session, claimed)
            except Exception:
                self._unreleased.put(claimed)
                raise
