"""The mail sender of a worker: one event loop on a thread of its own, a task for each connection to the relay.

Claims, `sending` and results are written in groups by other threads, so the loop never waits for the database.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import uvloop
from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.db.group_commit import GroupCommit
from mailtalk.errors import Unavailable
from mailtalk.keys import Keyring, SealBroken
from mailtalk.outbound import deliveries, queue, verp
from mailtalk.outbound.deliveries import ClaimedDelivery, Step
from mailtalk.outbound.relay import Relays
from mailtalk.outbound.sending_rules import SendingRules
from mailtalk.outbound.smtp_connection import SmtpEnvelope
from mailtalk.outbound.smtp_replies import SendResult
from mailtalk.vocabulary import DeliveryKind, Stage

AHEAD = 16  # claimed mails for each connection: enough to keep it busy during a claim, few enough for other workers
LOST = SendResult(Stage.QUEUED, note="another worker may have the claim")

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class MailSender:
    """Sends due deliveries; every method may be called from any thread."""

    def __init__(  # noqa: PLR0913, PLR0917  what sending needs
        self,
        database: Database,
        keyring: Keyring,
        domain: str,
        relays: Relays | None,
        rules: SendingRules,
        worker_id: Callable[[], int | None],
        connections: int,
    ) -> None:
        self._database, self._keyring, self._domain = database, keyring, domain
        self._relays, self._rules, self._worker_id = relays, rules, worker_id
        self._connections, self._most = connections, connections * AHEAD
        self._waiting: deque[ClaimedDelivery] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._recording: set[asyncio.Task[None]] = set()
        self._unrecorded: deque[Step] = deque()
        self._in_hand = 0
        self._more = False  # the last claim gave as many as were asked for: there may be more
        self._claiming = self._closed = False
        self._steps: GroupCommit[Step, bool] = GroupCommit(database, self._advance, lambda: None)
        self._claimer = ThreadPoolExecutor(1, thread_name_prefix="claimer")
        self._loop = uvloop.new_event_loop()
        self._idle = threading.Condition()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-sender", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Record results that could not be recorded, and claim what is due; does not wait until it is sent."""
        self._run(self._look())

    def wait(self) -> None:
        """Wait until nothing is claimed."""
        with self._idle:
            self._idle.wait_for(lambda: self._in_hand == 0)

    def close(self) -> None:
        """Finish the mails that are being sent; other claims are free once this worker's heartbeat has ended."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._claimer.shutdown()

    def recover(self) -> int:
        """Release the claims of dead workers; gives how many."""
        with self._database.transaction() as session:
            return queue.recover(session, self._rules)

    @property
    def paused(self) -> bool:
        """True while every relay's circuit is open."""
        return self._relays is not None and self._relays.room(1) == 0

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _look(self) -> None:
        await self._record_late()
        if self._relays is not None:
            await self._relays.tidy()
        await self._fill()

    async def _close(self) -> None:
        self._closed = True
        self._waiting.clear()
        while self._sending or self._recording:
            await asyncio.wait(self._sending | self._recording)
        await self._steps.close()
        if self._relays is not None:
            await self._relays.close()
        await self._loop.shutdown_default_executor()

    async def _fill(self) -> None:
        """Claim as many as there is room for; only one claim is under way at a time."""
        room = self._room()
        if self._claiming or not room:
            return
        self._claiming = True
        try:
            claimed = await self._loop.run_in_executor(self._claimer, self._claim, room)
        finally:
            self._claiming = False
        self._more = len(claimed) == room
        self._count(len(claimed))
        self._waiting.extend(claimed)
        self._start()

    def _room(self) -> int:
        """One, when a relay that was in trouble is to be probed."""
        most = self._most if self._relays is None else self._relays.room(self._most)
        return 0 if self._closed else max(most - self._in_hand, 0)

    def _claim(self, room: int) -> Sequence[ClaimedDelivery]:
        worker_id = self._worker_id()
        if worker_id is None:  # without a heartbeat nobody could tell when our claims are free
            return []
        with self._database.transaction() as session:
            return queue.claim(session, clock.now(), worker_id, room, self._rules)

    def _start(self) -> None:
        """Have a task for each connection, while there are mails for it."""
        for _ in range(min(self._connections - len(self._sending), len(self._waiting))):
            _keep(self._sending, self._loop.create_task(self._send_waiting()))

    async def _send_waiting(self) -> None:
        while self._waiting:
            await self._deliver(self._waiting.popleft())

    async def _deliver(self, delivery: ClaimedDelivery) -> None:
        # If the claim was lost, its new owner sends the mail, and recording changes nothing.
        result = await self._send(delivery) or LOST
        _keep(self._recording, self._loop.create_task(self._end(Step(delivery, result))))

    async def _send(self, delivery: ClaimedDelivery) -> SendResult | None:
        try:
            mail = self._keyring.unseal(delivery.body_sealed, about=deliveries.seal_name(delivery.id))
        except SealBroken as error:
            return SendResult(Stage.FAILED, note=str(error))
        if self._relays is None:
            return SendResult(Stage.CAPTURED, note="no relay is set")
        try:
            return await self._relays.send(self._envelope(delivery), mail, lambda: self._before_dot(delivery))
        except Exception as error:
            log.exception("delivery %s: sending failed in an unforeseen way", delivery.id)
            return SendResult(Stage.UNKNOWN, note=f"error: {type(error).__name__}")

    def _envelope(self, delivery: ClaimedDelivery) -> SmtpEnvelope:
        """Bounces of a notification come back to us; a notice about a mail has a null sender (RFC 3834)."""
        sender = ""
        if delivery.kind == DeliveryKind.NOTIFICATION:
            sender = f"{verp.local_part(self._keyring, delivery.id)}@{self._domain}"
        return SmtpEnvelope(sender, delivery.address, str(delivery.id))

    async def _before_dot(self, delivery: ClaimedDelivery) -> bool:
        try:
            return await self._steps.put(Step(delivery))
        except Unavailable:
            return False  # not known to be recorded, so not sent

    async def _end(self, step: Step) -> None:
        try:
            await self._record(step)
        except Unavailable as error:
            log.warning("the result of a delivery cannot be recorded yet: %s", error)
        finally:
            self._count(-1)
        if self._more and self._in_hand <= self._most // 2:
            with suppress(Unavailable):  # the sweep looks again
                await self._fill()

    async def _record(self, step: Step) -> None:
        try:
            await self._steps.put(step)
        except Unavailable:
            self._unrecorded.append(step)  # nobody else can: while we live, the claim is ours
            raise

    async def _record_late(self) -> None:
        late, self._unrecorded = self._unrecorded, deque()
        for outcome in await asyncio.gather(*map(self._record, late), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _advance(self, session: Session, steps: Sequence[Step]) -> list[bool]:
        return deliveries.advance(session, clock.now(), steps, self._rules)

    def _count(self, more: int) -> None:
        with self._idle:
            self._in_hand += more
            self._idle.notify_all()


def _keep(tasks: set["asyncio.Task[None]"], task: "asyncio.Task[None]") -> None:
    """Hold a task until it is done: the loop itself holds it weakly."""
    tasks.add(task)
    task.add_done_callback(tasks.discard)
