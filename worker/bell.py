"""The bell: Celery tasks that make workers look, and messages to waiting requests. Never blocks, never raises."""

import json
import logging
import threading
import time
from collections.abc import Sequence

import redis
from celery import Celery
from sqlalchemy.orm import Session

from mailtalk.changes.log import Ended
from mailtalk.events import record as events
from mailtalk.settings.load import Settings
from worker import metrics
from worker.app import build

APPLY_CHANGES = "mailtalk.apply_changes"
PROCESS_INBOUND = "mailtalk.process_inbound"
DELIVER = "mailtalk.deliver"
SEND_WEBHOOKS = "mailtalk.send_webhooks"
CHANNEL = "mailtalk:ended"
PAUSE = 1.0  # seconds without ringing after a failure; meanwhile the sweep finds the work
CLOSING = 3.0  # seconds that close waits for the last ones

log = logging.getLogger(__name__)


class Bell:
    """Publisher thread; repeated rings of one task while it is busy are merged."""

    def __init__(self, settings: Settings) -> None:
        self._celery: Celery = build(settings)
        url = settings.redis_url.get_secret_value() if settings.redis_url else ""
        self._redis = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=None)
        self._names: set[str] = set()
        self._ended: list[int] = []
        self._wake = threading.Condition()
        self._closing = False
        self._silent_until = 0.0
        self._lost_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
        self._thread.start()

    def ring(self, name: str) -> None:
        """Ring: have a worker look at the queue. Call it after the commit."""
        with self._wake:
            self._names.add(name)
            self._wake.notify()

    def ring_for_events(self, session: Session) -> None:
        """Ring if a transaction recorded events. Call it after the commit."""
        if session.info.get(events.RECORDED):
            self.ring(SEND_WEBHOOKS)

    def announce(self, ended: Sequence[Ended]) -> None:
        """Wake the requests that wait for these changes. Call it after the commit."""
        with self._wake:
            self._ended.extend(change.id for change in ended)
            self._wake.notify()

    def close(self) -> None:
        """Publish what is left, for a limited time, and stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(CLOSING)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._names or self._ended or self._closing)
                names, self._names = self._names, set()
                ended, self._ended = self._ended, []
                last = self._closing
            self._send(names, ended)
            if last:
                self._redis.close()
                self._celery.close()
                return

    def _send(self, names: set[str], ended: Sequence[int]) -> None:
        if time.monotonic() < self._silent_until:
            metrics.BELLS.labels("lost").inc(len(names))
            return
        try:
            if ended:
                self._redis.publish(CHANNEL, json.dumps(ended))
            for name in names:
                self._celery.send_task(name, retry=False)
                metrics.BELLS.labels("rung").inc()
            self._found_again()
        except Exception as error:  # noqa: BLE001  whatever the broker's libraries raise: the row is there, the sweep looks
            metrics.BELLS.labels("lost").inc()
            self._lost_at = self._lost_at or time.monotonic()
            self._silent_until = time.monotonic() + PAUSE
            log.warning("the broker does not answer (%s); the sweep will look", type(error).__name__)

    def _found_again(self) -> None:
        if self._lost_at is not None:
            log.warning("the broker answers again after %.0f s", time.monotonic() - self._lost_at)
            self._lost_at = None
