"""Telling: events that were committed are handed to the endpoints that want them, each told by threads of a pool."""

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
from mailtalk.webhooks.delivery import Telling
from mailtalk.webhooks.http_client import Answer
from mailtalk.webhooks.queue import Lane
from mailtalk.webhooks.ssrf import Guard
from mailtalk.webhooks.transports import Voice, voice

THREADS = 32  # lanes at once; they wait for others most of the time

log = logging.getLogger(__name__)


class Teller:
    """Looks at what is to be told; an endpoint that is slow keeps only the few threads that tell it."""

    def __init__(
        self, database: Database, keyring: Keyring, guard: Guard, links: Links, worker_id: Callable[[], int | None]
    ) -> None:
        self._database, self._worker_id = database, worker_id
        self._keyring, self._guard, self._links = keyring, guard, links
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="teller")
        self._free = threading.Semaphore(THREADS)
        self._unreleased: SimpleQueue[Lane] = SimpleQueue()
        self._closing = False

    def close(self) -> None:
        """Finish what is being told."""
        self._closing = True
        self._threads.shutdown(cancel_futures=True)

    def due(self, session: Session) -> datetime | None:
        """When there is something to tell: now, or None."""
        now = clock.now()
        return now if fanout.waits(session) or (self._has_room() and queue.waits(session, now)) else None

    def look(self) -> None:
        """Fan out what happened, and have the lanes told that are due; does not wait until they are."""
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
        for lane in claimed:
            self._threads.submit(self._work, lane)

    def recover(self) -> None:
        """Free what dead workers had in hand."""
        with self._database.transaction() as session:
            freed = queue.recover(session)
        if freed:
            log.warning("what dead workers were telling is told again: %d lanes", freed)

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

    def _claim(self, limit: int) -> list[Lane]:
        worker_id = self._worker_id()
        if worker_id is None or not limit or self._closing:
            return []
        with self._database.transaction() as session:
            return queue.claim(session, clock.now(), worker_id, limit)

    def _work(self, lane: Lane) -> None:
        found: Lane | None = lane
        try:
            while found is not None:
                found = self._next(found if self._tell_safely(found) else None)
        finally:
            self._free.release()

    def _tell_safely(self, lane: Lane) -> bool:
        try:
            self._tell(lane)
        except Unavailable as error:
            log.warning("telling waits: %s", error)
        except Exception:
            log.exception("telling failed in a way we did not foresee")
        else:
            return True
        self._unreleased.put(lane)  # not at once, else it would fail again and again
        return False

    def _tell(self, lane: Lane) -> None:
        with self._database.transaction() as session:
            row, tellings = queue.run(session, lane)
        if row is None:
            return
        with voice(row, self._keyring, self._guard) as tell:
            for telling in tellings:
                if self._closing:
                    return
                answer = self._answer(tell, telling, row.app_id)
                with self._database.transaction() as session:
                    if not results.settle(session, clock.now(), lane, telling, answer):
                        return

    def _answer(self, tell: Voice, telling: Telling, app_id: str) -> Answer:
        try:
            return tell(telling.linked(self._links, app_id))
        except Exception as error:
            log.exception("%s could not be told", telling.name)
            return Answer(None, f"error: {type(error).__name__}")

    def _next(self, lane: Lane | None) -> Lane | None:
        """Release a lane and claim another one."""
        worker_id = self._worker_id()
        try:
            with self._database.transaction() as session:
                if lane is not None:
                    queue.release(session, lane)
                if worker_id is None or self._closing:
                    return None
                return next(iter(queue.claim(session, clock.now(), worker_id, 1)), None)
        except Exception as error:  # noqa: BLE001  nobody else may release it: while we live, the claim is ours
            log.warning("a lane is released later: %s", type(error).__name__)
            if lane is not None:
                self._unreleased.put(lane)
            return None

    def _release_late(self) -> None:
        for _ in range(self._unreleased.qsize()):
            lane = self._unreleased.get()
            try:
                with self._database.transaction() as session:
                    queue.release(session, lane)
            except Exception:
                self._unreleased.put(lane)
                raise
