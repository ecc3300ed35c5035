"""Inbound mail in batches: claim, read outside any transaction, decide and write in one transaction."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import BoundedSemaphore

from mailtalk import clock
from mailtalk.db import server_clock
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.inbound import claim, process, read
from mailtalk.inbound.claim import ClaimedMail, Turn
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.mail_in_hand import ReadMail
from mailtalk.inbound.write import ClaimLost, Decided
from mailtalk.keys import KeyAway

BATCHES = 2  # in parallel: one is read while another is written
PROVING = 20  # mails of a batch that needs DNS queries about senders
PROVERS = 8  # threads that may wait for the DNS

log = logging.getLogger(__name__)


class MailProcessor:
    """Processor of a worker's inbound mail; `written` is called with each batch after its commit."""

    def __init__(
        self,
        database: Database,
        context: InboundContext,
        worker_id: Callable[[], int | None],
        written: Callable[[Sequence[Decided]], None],
    ) -> None:
        self._database, self._context = database, context
        self._worker_id, self._written = worker_id, written
        self._slots = {proving: BoundedSemaphore(BATCHES) for proving in (False, True)}
        self._provers = ThreadPoolExecutor(PROVERS, thread_name_prefix="prover")
        self._helper = ThreadPoolExecutor(BATCHES - 1, thread_name_prefix="mail-processor")
        self._closed = False
        self._unreleased: list[tuple[int, list[int]]] = []

    def process(self, *, proving: bool = False) -> None:
        """Process mails until none is queued; a call returns at once if enough threads are already doing so."""
        slot = self._slots[proving]
        if not slot.acquire(blocking=False):
            return
        try:
            turn = Turn(proving, most=PROVING if proving else claim.BATCH)
            while not self._closed and (mails := self.step(turn, partial(self._call_help, proving))):
                turn = turn._replace(after_app=mails[-1].app_id or "")
        finally:
            slot.release()

    def step(self, turn: Turn, full: Callable[[], object] | None = None) -> list[ClaimedMail]:
        """Claim and process one batch; returns its mails. `full` is called first if there may be more."""
        worker_id = self._worker_id()
        if worker_id is None:
            return []
        with self._database.transaction() as session:
            mails = claim.claim(session, server_clock.now(session), worker_id, turn)
        if len(mails) >= turn.most and full is not None:
            full()
        try:
            self._process(worker_id, mails)
        except Exception:
            self._unreleased.append((worker_id, [mail.id for mail in mails]))
            self._release()
            raise
        return mails

    def recover(self) -> int:
        """Release the claims of dead workers, and ours that could not be released; returns the number of the former."""
        self._release()
        with self._database.transaction() as session:
            return claim.recover(session)

    def close(self) -> None:
        """Stop claiming, and finish the current batches."""
        self._closed = True
        self._helper.shutdown(cancel_futures=True)
        self._provers.shutdown(wait=False, cancel_futures=True)

    def _call_help(self, proving: bool) -> None:
        """Have another thread read the next batch while this one is written."""
        with suppress(RuntimeError):  # closed meanwhile
            self._helper.submit(self._help, proving=proving)

    def _help(self, *, proving: bool) -> None:
        try:
            self.process(proving=proving)
        except Unavailable as error:
            if not error.is_logged:
                log.warning("inbound mail is postponed: %s", error)
        except Exception:
            log.exception("processing inbound mail failed; the next look tries again")

    def _process(self, worker_id: int, mails: Sequence[ClaimedMail]) -> None:
        """Process a batch; if it fails, repeat it mail by mail, so that one bad mail does not affect the others."""
        if not mails:
            return
        try:
            self._decide(worker_id, mails)
        except Unavailable:
            raise
        except KeyAway:
            self._one_by_one(worker_id, mails)
        except Exception:
            if len(mails) > 1:
                log.exception("a batch of %d inbound mails failed; they are processed one by one", len(mails))
            self._one_by_one(worker_id, mails)

    def _one_by_one(self, worker_id: int, mails: Sequence[ClaimedMail]) -> None:
        """Process mail by mail; after one that fails, later mails of its participation wait."""
        held = set()
        for mail in mails:
            if mail.participation_id in held:
                self._unreleased.append((worker_id, [mail.id]))
            elif not self._alone(worker_id, mail) and mail.participation_id is not None:
                held.add(mail.participation_id)
        self._release()

    def _alone(self, worker_id: int, mail: ClaimedMail) -> bool:
        try:
            with process.poison(mail.id):
                self._decide(worker_id, [mail])
        except ClaimLost:
            log.warning("inbound mail %d was claimed by another worker", mail.id)
        except KeyAway as error:
            log.warning("inbound mail %d is postponed: %s", mail.id, error)
            with self._database.transaction() as session:
                process.postpone(session, worker_id, mail, server_clock.now(session))
            return False
        except process.PoisonMail as error:
            if self._closed:  # the threads that it needs have ended: not the mail's fault
                raise Unavailable("the worker is stopping") from error
            log.exception("inbound mail %d failed", mail.id)
            reason = f"error: {type(error.__cause__).__name__}"
            with self._database.transaction() as session:
                process.fail(session, worker_id, mail, server_clock.now(session), reason)
            return False
        return True

    def _decide(self, worker_id: int, mails: Sequence[ClaimedMail]) -> None:
        mails_read = self._read(mails)
        with self._database.transaction() as session:
            decided = process.decide(session, self._context, server_clock.now(session), worker_id, mails_read)
        self._written(decided)

    def _read(self, mails: Sequence[ClaimedMail]) -> list[ReadMail]:
        context = self._context
        opened = [read.unseal(context, mail) for mail in mails]
        with self._database.transaction() as session:
            known = read.known(session, opened)
        if any(mail.needs_proof for mail in mails):
            opened = list(self._provers.map(partial(read.prove, context, known, clock.now()), opened))
        return context.readers.map(partial(read.read, context, known), opened)

    def _release(self) -> None:
        """Release claims of undecided mails; while the database is unreachable it is retried later."""
        while self._unreleased:
            worker_id, ids = self._unreleased.pop()
            try:
                with self._database.transaction() as session:
                    claim.release(session, worker_id, ids)
            except Unavailable:
                self._unreleased.append((worker_id, ids))
                return
