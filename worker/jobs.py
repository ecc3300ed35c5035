"""The jobs of a worker: each drains one queue, one transaction a batch, and rings the bell after the commit."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from threading import BoundedSemaphore

from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.changes import apply
from mailtalk.changes import log as change_log
from mailtalk.changes.apply import Pending
from mailtalk.changes.log import Ended
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.ids import ConversationKey
from mailtalk.inbound import process
from mailtalk.inbound.context import Desk
from mailtalk.keys import Keyring
from mailtalk.models import InboundMail
from mailtalk.notifications import windows
from mailtalk.notifications.builder import MailBuilder, MailIdentity
from mailtalk.vocabulary import Outcome
from worker.bell import APPLY_CHANGES, DELIVER, Bell
from worker.mail_sender import MailSender

PAUSED = timedelta(seconds=1)  # between two looks for mails while no relay takes any
PROVERS = 2  # threads that may wait for the DNS

log = logging.getLogger(__name__)


class Jobs:
    """The work of a worker process: one verb for each queue, called by Celery's tasks and by the sweeps."""

    def __init__(  # noqa: PLR0913, PLR0917  what a worker is made of
        self,
        database: Database,
        keyring: Keyring,
        bell: Bell,
        desk: Desk,
        identity: MailIdentity,
        mail_sender: MailSender,
    ) -> None:
        self._database, self._keyring, self._bell = database, keyring, bell
        self._desk, self._identity, self.mail_sender = desk, identity, mail_sender
        self._provers = BoundedSemaphore(PROVERS)

    def close(self) -> None:
        """Finish the mails that are being sent."""
        self.mail_sender.close()

    def apply_changes(self) -> None:
        """Apply the participation changes that wait, until there are none in lanes that are free."""
        while True:
            try:
                with self._database.transaction() as session:
                    ended = apply.apply(session, clock.now())
            except apply.Poison as poison:
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
        for row in self._mails(process.process):
            log.info("inbound mail %d of raw mail %s: %s (%s)", row.id, row.raw_id, row.outcome, _found(row))
            if row.outcome == Outcome.UNSUBSCRIBED:
                self._bell.ring(APPLY_CHANGES)

    def prove_senders(self) -> None:
        """Find out who sent the mails of apps that want to know, and process those then."""
        if not self._provers.acquire(blocking=False):
            return
        try:
            for _ in self._mails(process.prove):
                self.process_inbound()
        finally:
            self._provers.release()

    def deliver(self) -> None:
        """Close due windows, build due notifications into mails, and have the mails sent that are due."""
        self._database.drain(lambda session: windows.close_windows(session, clock.now()))
        while self._build():
            self.mail_sender.look()  # the first mails leave while the next batch is built
        self.mail_sender.look()

    def next_due(self, session: Session) -> datetime | None:
        """When the next window, notification or delivery is due; not at once while every relay is left alone."""
        due = windows.next_due(session)
        return due if due is None or not self.mail_sender.paused else max(due, clock.now() + PAUSED)

    def next_arrival(self, session: Session) -> datetime | None:
        """When there is something to apply or to process: now, or None."""
        now = clock.now()
        return now if change_log.waits(session, now) or process.waits(session, now) else None

    def recover(self) -> None:
        """Free what dead workers had in hand."""
        freed = self.mail_sender.recover()
        if freed:
            log.warning("%d deliveries of dead workers are free again", freed)
            self._bell.ring(DELIVER)

    def next_proof(self, session: Session) -> datetime | None:
        """When there is a sender to be proven: now, or None."""
        now = clock.now()
        return now if process.wants_proof(session, now) else None

    def _build(self) -> int:
        with self._database.transaction() as session:
            return MailBuilder(session, self._keyring, self._identity, clock.now()).build()

    def _mails(self, verb: Callable[[Session, Desk, datetime], InboundMail | None]) -> Iterator[InboundMail]:
        while True:
            try:
                with self._database.transaction() as session:
                    row = verb(session, self._desk, clock.now())
            except process.Poison as poison:
                log.exception("an inbound mail is put aside")
                with self._database.transaction() as session:
                    process.fail(session, poison.mail_id, clock.now(), f"error: {type(poison.__cause__).__name__}")
                continue
            if row is None:
                return
            yield row

    def _apply_alone(self, changes: Sequence[Pending]) -> None:
        held: set[ConversationKey] = set()  # what comes after a failing change waits, so that the order holds
        for change in changes:
            if change.participant.conversation not in held and not self._apply_one(change):
                held.add(change.participant.conversation)

    def _apply_one(self, change: Pending) -> bool:
        try:
            with self._database.transaction() as session:
                ended: Sequence[Ended] = apply.apply(session, clock.now(), only=[change.id]) or []
        except apply.Poison:
            with self._database.transaction() as session:
                failed = apply.fail(session, change.id, clock.now())
            ended = [failed] if failed else []
        self._bell.announce(ended)
        return bool(ended)


def _found(row: InboundMail) -> str:
    """The verdict and the mark, without what the mail says there: that is its sender's, and no log's."""
    return ": ".join(filter(None, (row.verdict, (row.reason or "").partition(": ")[0])))


def safely(look: Callable[[], None]) -> None:
    """Look; whatever goes wrong is logged, and the next look tries again."""
    try:
        look()
    except Unavailable as error:
        log.warning("a look waits: %s", error)
    except Exception:
        log.exception("a look failed; the next one comes")
