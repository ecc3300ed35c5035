"""Mail sender of a worker: one event loop on its own thread, one task per connection to the relay.

State changes of deliveries, to `sending` and to their results, are committed in groups over a kept connection.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import uvloop

from mailtalk import clock, sealed_mail
from mailtalk.db import server_clock
from mailtalk.db.database import Database
from mailtalk.db.group_commit import Batches
from mailtalk.db.kept_connection import KeptConnection
from mailtalk.errors import Unavailable
from mailtalk.keys import KeyAway, Keyring, SealBroken
from mailtalk.mail.address import AddressScheme
from mailtalk.outbound import deliveries, queue
from mailtalk.outbound.circuit_breaker import RelayStatus
from mailtalk.outbound.deliveries import ClaimedDelivery, Step
from mailtalk.outbound.delivery_envelope import envelope
from mailtalk.outbound.mail_origins import MailOrigin
from mailtalk.outbound.relay import Relays
from mailtalk.outbound.sending_settings import SendingSettings
from mailtalk.outbound.smtp_replies import SendResult
from mailtalk.vocabulary import Stage
from worker import metrics, tracing
from worker.background_tasks import ClaimCount, keep

AHEAD = 32  # claimed mails per connection: they keep it busy during a claim, and leave work to other workers
LOST = SendResult(Stage.QUEUED, note="another worker may have the claim")

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class MailSender:
    """Sender of due deliveries; every method may be called from any thread."""

    def __init__(  # noqa: PLR0913, PLR0917  what sending needs
        self,
        database: Database,
        keyring: Keyring,
        scheme: AddressScheme,
        relays: Relays | None,
        rules: SendingSettings,
        worker_id: Callable[[], int | None],
        connections: int,
    ) -> None:
        self._database, self._keyring, self._scheme = database, keyring, scheme
        self._relays, self._rules, self._worker_id = relays, rules, worker_id
        self._connections, self._most = connections, connections * AHEAD
        self._waiting: deque[ClaimedDelivery] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._refilling: set[asyncio.Task[None]] = set()
        self._unrecorded: deque[Step] = deque()
        self._claimed = ClaimCount()
        self._origins: dict[UUID, MailOrigin] = {}  # of claimed deliveries, while traces are on
        self._more = False  # the last claim returned any: there may be more
        self._filling = asyncio.Lock()
        self._closed = False
        self._kept, self._clock = KeptConnection(database), server_clock.ServerClock()
        self._steps = Batches[Step, bool](self._advance)
        self._thread_of_database = ThreadPoolExecutor(1, thread_name_prefix="deliveries")
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-sender", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Record postponed results and claim due deliveries; does not wait until they are sent."""
        self._run(self._look())

    def wait(self) -> None:
        """Wait until no claimed delivery is left."""
        self._claimed.wait_for_none()

    def close(self) -> None:
        """Finish the mails that are being sent; other claims are released once this worker's heartbeat has ended."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread_of_database.shutdown()

    def recover(self) -> int:
        """Release the claims of dead workers, perhaps our own before we lost the database; returns the number."""
        self._run(self._record_late())
        with self._database.transaction() as session:
            return queue.recover(session, server_clock.now(session), self._rules)

    @property
    def paused(self) -> bool:
        """True while every relay's circuit is open, or mails are held."""
        return not self._rules.send or (self._relays is not None and self._relays.room(1) == 0)

    def relay_status(self) -> list[RelayStatus]:
        """State of each relay as this worker sees it."""
        return [] if self._relays is None else self._relays.status()

    @property
    def is_draining(self) -> bool:
        """True while more deliveries are due than there is room for: they are claimed without another look."""
        return self._more and self._claimed.number > 0

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _look(self) -> None:
        await self._record_late()
        if self._relays is not None:
            await self._relays.tidy()
        async with self._filling:  # a claim that runs may not see what was committed before this look
            await self._fill()

    async def _close(self) -> None:
        self._closed = True
        self._waiting.clear()
        while self._sending or self._refilling:
            await asyncio.wait(self._sending | self._refilling)
        await self._steps.close()
        await self._record_late()
        await self._kept.close()
        if self._relays is not None:
            await self._relays.close()
        await self._loop.shutdown_default_executor()

    async def _fill(self) -> None:
        """Claim as many deliveries as there is room for; one claim at a time."""
        self._start()
        room = self._room()
        if not room:
            return
        claimed = await self._loop.run_in_executor(self._thread_of_database, self._claim, room)
        self._more = bool(claimed)
        self._claimed.add(len(claimed))
        self._waiting.extend(claimed)
        self._start()

    def _room(self) -> int:
        """Number of deliveries to claim now; 1 if a relay in trouble is to be probed."""
        most = self._most if self._relays is None else self._relays.room(self._most)
        return 0 if self._closed or not self._rules.send else max(most - self._claimed.number, 0)

    def _claim(self, room: int) -> Sequence[ClaimedDelivery]:
        worker_id = self._worker_id()
        if worker_id is None:  # without a heartbeat nobody could tell when our claims expire
            return []
        with self._database.transaction() as session:
            claimed = queue.claim(session, self._clock.read(session), worker_id, room, self._rules)
            if tracing.active and claimed:
                self._origins |= tracing.active.mail_origins(session, claimed)
            return claimed

    def _start(self) -> None:
        """Start tasks while there are mails: one per connection, and as many that wait for the places of slow ones."""
        busy = sum(not task.done() for task in self._sending)
        free = 0 if self._closed else self._connections * 2 - busy
        for _ in range(min(free, len(self._waiting))):
            keep(self._sending, self._loop.create_task(self._send_waiting()))

    async def _send_waiting(self) -> None:
        while self._waiting:
            await self._deliver(self._waiting.popleft())

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        # If the claim was lost, its new owner sends the mail, and recording has no effect.
        began = clock.now()
        result = await self._send(delivery) or LOST
        origin = self._origins.pop(delivery.id, None)
        if tracing.active and origin:
            tracing.active.sent(delivery, origin, began, result)
        metrics.sent(result, delivery.created_at)
        log.info("delivery %s: %s (%s)", delivery.id, result.stage, result.summary)
        self._record(Step(delivery, result))

    async def _send(self, delivery: ClaimedDelivery) -> SendResult | None:
        try:
            mail = sealed_mail.unseal(self._keyring, delivery.body_sealed, deliveries.seal_name(delivery.id))
        except KeyAway as error:
            return SendResult(Stage.DEFERRED, note=str(error), is_ours=True)
        except SealBroken as error:
            return SendResult(Stage.FAILED, note=str(error))
        if self._relays is None:
            return SendResult(Stage.CAPTURED, note="no relay is set")
        try:
            return await self._relays.send(
                envelope(self._keyring, self._scheme, delivery), mail, lambda: self._before_dot(delivery)
            )
        except Exception as error:
            log.exception("delivery %s: unexpected error while sending", delivery.id)
            return SendResult(Stage.UNKNOWN, note=f"error: {type(error).__name__}")

    async def _before_dot(self, delivery: ClaimedDelivery) -> bool:
        try:
            return await self._steps.put(Step(delivery))
        except Unavailable:
            return False  # recording is not confirmed, so the mail is not sent

    def _record(self, step: Step) -> "asyncio.Future[bool] | None":
        """Have a result recorded; meanwhile the connection continues with its next mail."""
        try:
            recording = self._steps.submit(step)
        except Unavailable as error:
            self._not_recorded(step, error)
            return None
        recording.add_done_callback(partial(self._recorded, step))
        return recording

    def _recorded(self, step: Step, outcome: "asyncio.Future[bool]") -> None:
        if error := outcome.exception():
            self._not_recorded(step, error)
        else:
            self._claimed.add(-1)
        if self._more and self._claimed.number <= self._most // 2:
            keep(self._refilling, self._loop.create_task(self._refill()))

    def _not_recorded(self, step: Step, error: BaseException) -> None:
        log.warning("the result of delivery %s cannot be recorded yet: %s", step.delivery.id, error)
        self._unrecorded.append(step)  # recorded at the next look
        self._claimed.add(-1)

    async def _record_late(self) -> None:
        """Record postponed results, and wait for it: their deliveries may be claimed next."""
        late, self._unrecorded = self._unrecorded, deque()
        self._claimed.add(len(late))
        if recordings := list(filter(None, map(self._record, late))):
            await asyncio.wait(recordings)

    async def _refill(self) -> None:
        if self._filling.locked():
            return
        with suppress(Unavailable):  # the sweep will look again
            async with self._filling:
                await self._fill()

    async def _advance(self, steps: Sequence[Step]) -> list[bool]:
        now = self._clock.now()
        if any(step.refusal for step in steps):
            advance = partial(self._advance_in_session, now, steps)
            return await self._loop.run_in_executor(self._thread_of_database, advance)
        rows = await self._kept.write(deliveries.ADVANCE, deliveries.parameters(now, steps, self._rules))
        return deliveries.taken(steps, {row[0] for row in rows})

    def _advance_in_session(self, now: datetime, steps: Sequence[Step]) -> list[bool]:
        """Advance deliveries, and record refused recipients for suppression."""
        with self._database.transaction() as session:
            return deliveries.advance(session, now, steps, self._rules)
