"""What a look does: each verb drains one kind of row, one transaction after the other, bell after the commit."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore

from sqlalchemy.orm import Session

from mailtalk import changes, clock, deliveries, inbound, lanes, notifications
from mailtalk.changes import Ended
from mailtalk.db import Database
from mailtalk.deliveries import Claimed
from mailtalk.desk import Desk
from mailtalk.errors import Unavailable
from mailtalk.keys import Keyring, SealBroken
from mailtalk.lanes import Pending
from mailtalk.letters import Maker, Sender
from mailtalk.models import InboundMail
from mailtalk.relay import Relay, Sent
from mailtalk.rosters import Lane
from mailtalk.vocabulary import Outcome, Stage
from worker.bell import APPLY_CHANGES, DELIVER, Bell

SENDERS = 8  # connections to the relay at once
PROVERS = 2  # threads that may wait for the DNS
CLAIM = 64  # deliveries in hand at once

log = logging.getLogger(__name__)


class Work:
    """Everything a look needs, shared by the tasks and the sweep."""

    def __init__(  # noqa: PLR0913, PLR0917  what a worker is made of
        self,
        database: Database,
        keyring: Keyring,
        bell: Bell,
        desk: Desk,
        sender: Sender,
        relay: Relay | None,
        worker_id: Callable[[], int | None],
    ) -> None:
        self._database, self._keyring, self._bell = database, keyring, bell
        self._desk, self._sender, self._relay, self._worker_id = desk, sender, relay, worker_id
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="sender")
        self._provers = BoundedSemaphore(PROVERS)
        self._unsettled: SimpleQueue[tuple[Claimed, Sent]] = SimpleQueue()

    def close(self) -> None:
        """Finish the mails that are being sent."""
        self._senders.shutdown(cancel_futures=True)
        if self._relay is not None:
            self._relay.close()

    def apply_changes(self) -> None:
        """Apply the participation changes that wait, until there are none in lanes that are free."""
        while True:
            try:
                with self._database.transaction() as session:
                    ended = lanes.apply(session, clock.now())
            except lanes.Poison as poison:
                log.exception("changes are tried alone")
                self._apply_alone(poison.changes)
                continue
            if ended is None:
                return
            self._bell.announce(ended)

    def take_mail_in(self) -> None:
        """Process the mails that wait; then, unless enough threads are at it, those whose sender is to be proven."""
        self.process_inbound()
        self.prove_senders()

    def process_inbound(self) -> None:
        """Turn the mails that wait into messages, or give them their other outcome."""
        for row in self._mails(inbound.process):
            log.info("inbound mail %d: %s (%s: %s)", row.id, row.outcome, row.verdict, row.reason)
            if row.outcome == Outcome.UNSUBSCRIBED:
                self._bell.ring(APPLY_CHANGES)

    def prove_senders(self) -> None:
        """Find out who sent the mails of apps that want to know, and process those then."""
        if not self._provers.acquire(blocking=False):
            return
        try:
            for _ in self._mails(inbound.prove):
                self.process_inbound()
        finally:
            self._provers.release()

    def deliver(self) -> None:
        """Close due windows, make due notifications into mails, send what is due."""
        self._drain(lambda session: notifications.close_windows(session, clock.now()))
        self._drain(lambda session: Maker(session, self._keyring, self._sender, clock.now()).make())
        self._settle_late()
        while claimed := self._claim():
            for failure in filter(None, self._senders.map(self._deliver_safely, claimed)):
                raise failure

    def next_arrival(self, session: Session) -> datetime | None:
        """When there is something to apply or to process: now, or None."""
        now = clock.now()
        return now if changes.waits(session, now) or inbound.waits(session, now) else None

    def recover(self) -> None:
        """Free what dead workers had in hand."""
        with self._database.transaction() as session:
            freed = deliveries.recover(session)
        if freed:
            log.warning("%d deliveries of dead workers are free again", freed)
            self._bell.ring(DELIVER)

    def next_proof(self, session: Session) -> datetime | None:
        """When there is a sender to be proven: now, or None."""
        now = clock.now()
        return now if inbound.wants_proof(session, now) else None

    def _mails(self, verb: Callable[[Session, Desk, datetime], InboundMail | None]) -> Iterator[InboundMail]:
        while True:
            try:
                with self._database.transaction() as session:
                    row = verb(session, self._desk, clock.now())
            except inbound.Poison as poison:
                log.exception("an inbound mail is put aside")
                with self._database.transaction() as session:
                    inbound.fail(session, poison.mail_id, clock.now(), f"error: {type(poison.__cause__).__name__}")
                continue
            if row is None:
                return
            yield row

    def _drain(self, step: Callable[..., int]) -> None:
        done = 1
        while done:
            with self._database.transaction() as session:
                done = step(session)

    def _apply_alone(self, changes: Sequence[Pending]) -> None:
        held: set[Lane] = set()  # what comes after a failing change waits, so that the order holds
        for change in changes:
            if change.lane not in held and not self._apply_one(change):
                held.add(change.lane)

    def _apply_one(self, change: Pending) -> bool:
        try:
            with self._database.transaction() as session:
                ended: Sequence[Ended] = lanes.apply(session, clock.now(), only=[change.id]) or []
        except lanes.Poison:
            with self._database.transaction() as session:
                failed = lanes.fail(session, change.id, clock.now())
            ended = [failed] if failed else []
        self._bell.announce(ended)
        return bool(ended)

    def _claim(self) -> list[Claimed]:
        worker_id = self._worker_id()
        if worker_id is None:  # without a life nobody could tell that our claims are free again
            return []
        with self._database.transaction() as session:
            return deliveries.claim(session, clock.now(), worker_id, CLAIM)

    def _deliver_safely(self, claimed: Claimed) -> Exception | None:
        try:
            self._deliver(claimed)
        except Exception as error:  # noqa: BLE001  the others of the batch are still sent; the caller raises it
            return error
        return None

    def _deliver(self, claimed: Claimed) -> None:
        # When the claim was lost, whoever has it now sends the mail, and settling changes nothing.
        self._settle(
            claimed, self._send(claimed) or Sent(Stage.QUEUED, "it is not sure that it was still ours to send")
        )

    def _settle(self, claimed: Claimed, sent: Sent) -> None:
        try:
            with self._database.transaction() as session:
                deliveries.settle(session, clock.now(), claimed, sent.stage, sent.reply)
        except Exception:
            self._unsettled.put((claimed, sent))  # nobody else may: while we live, the claim is ours
            raise

    def _settle_late(self) -> None:
        with suppress(Empty):
            while True:
                self._settle(*self._unsettled.get_nowait())

    def _send(self, claimed: Claimed) -> Sent | None:
        try:
            mail = self._keyring.unseal(claimed.body_sealed, about=deliveries.seal_name(claimed.id))
        except SealBroken as error:
            return Sent(Stage.FAILED, str(error))
        if self._relay is None:
            return Sent(Stage.CAPTURED, "no relay is set")
        try:
            return self._relay.send(self._sender.address, claimed.address, mail, lambda: self._about_to_end(claimed))
        except Exception as error:
            log.exception("delivery %s: sending failed in a way we did not foresee", claimed.id)
            return Sent(Stage.UNKNOWN, f"error: {type(error).__name__}")

    def _about_to_end(self, claimed: Claimed) -> bool:
        try:
            with self._database.transaction() as session:
                return deliveries.sending(session, claimed)
        except Unavailable:
            return False  # unsaid, so unsent


def safely(look: Callable[[], None]) -> None:
    """Look; whatever goes wrong is logged, and the next look tries again."""
    try:
        look()
    except Unavailable as error:
        log.warning("a look waits: %s", error)
    except Exception:
        log.exception("a look failed; the next one comes")
