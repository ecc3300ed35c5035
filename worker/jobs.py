"""Jobs of a worker: each drains one queue, one transaction per batch, and rings the bell after the commit."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.changes import apply
from mailtalk.changes import log as change_log
from mailtalk.changes.apply import Pending
from mailtalk.changes.log import Ended
from mailtalk.db import server_clock
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.ids import ConversationKey
from mailtalk.inbound import claim
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.write import Decided
from mailtalk.keys import Keyring
from mailtalk.notifications import remaking, windows
from mailtalk.notifications.builder import MailBuilder
from mailtalk.notifications.mails import MailIdentity
from mailtalk.vocabulary import Outcome
from worker import metrics, tracing
from worker.bell import APPLY_CHANGES, DELIVER, PROCESS_INBOUND, Bell
from worker.mail_processor import MailProcessor
from worker.mail_sender import MailSender
from worker.single_run import SingleRun

PAUSED = timedelta(seconds=1)  # between two looks at the queue while no relay is in use

log = logging.getLogger(__name__)


class Jobs:
    """Jobs of a worker process: one method per queue, called by Celery's tasks and by the sweeps."""

    def __init__(  # noqa: PLR0913, PLR0917  what a worker is made of
        self,
        database: Database,
        keyring: Keyring,
        bell: Bell,
        identity: MailIdentity,
        mail_sender: MailSender,
        inbound: InboundContext,
        worker_id: Callable[[], int | None],
    ) -> None:
        self._database, self._keyring, self._bell = database, keyring, bell
        self._identity, self.mail_sender = identity, mail_sender
        self._deliver_once = SingleRun(self._deliver)
        self.mail_processor = MailProcessor(database, inbound, worker_id, self._tell)

    def close(self) -> None:
        """Finish the mails that are being sent."""
        self.mail_processor.close()
        self.mail_sender.close()

    def apply_changes(self) -> None:
        """Apply pending participation changes until none is left outside conversations locked by other workers."""
        while True:
            began = clock.now()
            try:
                with metrics.batch("changes"), self._database.transaction() as session:
                    ended = apply.apply(session, server_clock.now(session))
            except apply.PoisonChanges as poison:
                log.exception("a batch of changes failed; they are applied one by one")
                self._apply_alone(poison.changes)
                continue
            if ended is None:
                return
            metrics.changed(ended)
            metrics.stepped(session)
            self._bell.announce(ended)
            if tracing.active:
                tracing.active.changes(self._database, ended, began)

    def take_mail_in(self) -> None:
        """Process queued mails; then, unless enough threads already do, those whose sender needs authentication."""
        self.process_inbound()
        self.prove_senders()

    def process_inbound(self) -> None:
        """Process queued mails: turn them into messages, or decide on another outcome."""
        self.mail_processor.process()

    def prove_senders(self) -> None:
        """Process the mails of apps that require sender authentication by DNS."""
        self.mail_processor.process(proving=True)

    def deliver(self) -> None:
        """Close due windows, build due notifications into mails, and have due mails sent."""
        self._deliver_once()

    def next_due(self, session: Session, now: datetime) -> datetime | None:
        """Time of the next due window, notification or delivery; later while no relay is in use.

        Deliveries are left out while the mail sender claims them by itself.
        """
        due = windows.next_due(session, deliveries=not self.mail_sender.is_draining)
        return due if due is None or not self.mail_sender.paused else max(due, now + PAUSED)

    def next_arrival(self, session: Session, now: datetime) -> datetime | None:
        """Current time if there is a change to apply, else None."""
        return now if change_log.waits(session, now) else None

    def next_mail(self, session: Session, now: datetime) -> datetime | None:
        """Current time if there is a mail to process, else None."""
        return now if claim.waits(session, now) else None

    def recover(self) -> None:
        """Release the claims of dead workers."""
        freed = self.mail_sender.recover()
        if freed:
            metrics.RELEASED.labels("deliveries").inc(freed)
            log.warning("released %d deliveries of dead workers", freed)
            self._bell.ring(DELIVER)
        claimed = self.mail_processor.recover()
        if claimed:
            metrics.RELEASED.labels("inbound").inc(claimed)
            log.warning("released %d inbound mails of dead workers", claimed)
            self._bell.ring(PROCESS_INBOUND)

    def next_proof(self, session: Session, now: datetime) -> datetime | None:
        """Current time if there is a mail whose sender is to be authenticated, else None."""
        return now if claim.waits(session, now, proving=True) else None

    def _deliver(self) -> None:
        try:
            # In turns, so that a flood of windows delays no mail.
            while self._close_windows() | self._remake() | self._build():
                self.mail_sender.look()  # the first mails are sent while the next batch is built
        finally:
            self.mail_sender.look()  # mails that are built are sent even if others cannot be

    def _close_windows(self) -> int:
        with metrics.batch("windows"), self._database.transaction() as session:
            count = windows.close_windows(session, server_clock.now(session))
        metrics.ITEMS.labels("windows").inc(count)
        metrics.stepped(session)
        return count

    def _remake(self) -> int:
        with self._database.transaction() as session:
            return remaking.remake(session, self._keyring, self._identity, server_clock.now(session))

    def _build(self) -> int:
        with metrics.batch("notifications"), self._database.transaction() as session:
            count = MailBuilder(session, self._keyring, self._identity, server_clock.now(session)).build()
        metrics.ITEMS.labels("notifications").inc(count)
        metrics.stepped(session)
        return count

    def _tell(self, decided: Sequence[Decided]) -> None:
        """Count and log the outcomes of mails, without their content, which is private."""
        metrics.decided(decided)
        for mail, decision, _ in decided:
            reasons = filter(None, (decision.verdict, (decision.reason or "").partition(": ")[0]))
            log.info(
                "inbound mail %d of raw mail %s: %s (%s)", mail.id, mail.raw_id, decision.outcome, ": ".join(reasons)
            )
        if any(each.decision.outcome is Outcome.UNSUBSCRIBED for each in decided):
            self._bell.ring(APPLY_CHANGES)

    def _apply_alone(self, changes: Sequence[Pending]) -> None:
        held: set[ConversationKey] = set()  # later changes wait behind a failing one, to keep the order
        for change in changes:
            if change.participant.conversation not in held and not self._apply_one(change):
                held.add(change.participant.conversation)

    def _apply_one(self, change: Pending) -> bool:
        try:
            with self._database.transaction() as session:
                ended: Sequence[Ended] = apply.apply(session, server_clock.now(session), only=[change.id]) or []
        except apply.PoisonChanges:
            with self._database.transaction() as session:
                failed = apply.fail(session, change.id, server_clock.now(session))
            ended = [failed] if failed else []
        metrics.changed(ended)
        self._bell.announce(ended)
        return bool(ended)


def safely(look: Callable[[], None]) -> None:
    """Call `look`; errors are logged, and the next look tries again."""
    try:
        look()
    except Unavailable as error:
        if not error.is_logged:
            log.warning("a look at a queue is postponed: %s", error)
    except Exception:
        log.exception("a look at a queue failed; the next one tries again")
