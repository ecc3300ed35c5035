"""Processing of inbound mail in batches: claim, read with no transaction open, decide and write in one transaction."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import BoundedSemaphore

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.inbound import claim, process, read
from mailtalk.inbound.claim import ClaimedMail, Turn
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.mail_in_hand import ReadMail
from mailtalk.inbound.write import ClaimLost, Decided

BATCHES = 2  # at once: one is read while another is written
PROVING = 20  # mails of a batch whose senders are asked of the DNS
PROVERS = 8  # threads that may wait for the DNS

log = logging.getLogger(__name__)


class MailProcessor:
    """A worker's inbound mail; `written` is called with each batch after its commit."""

    def __init__(
        self,
        database: Database,
        context: InboundContext,
        worker_id: Callable[[], int | None],
        written: Callable[[Sequence[Decided]], None],
    ) -> None:
        self._database, self._context = database, context
        self._worker_id, self._written = worker_id, written
        self._lanes = {proving: BoundedSemaphore(BATCHES) for proving in (False, True)}
        self._provers = ThreadPoolExecutor(PROVERS, thread_name_prefix="prover")
        self._helper = ThreadPoolExecutor(BATCHES - 1, thread_name_prefix="mail-processor")
        self._closed = False
        self._unreleased: list[tuple[int, list[int]]] = []

    def process(self, *, proving: bool = False) -> None:
        """Process mails until none waits; at once only a few threads do it, and others leave it to them."""
        lane = self._lanes[proving]
        if not lane.acquire(blocking=False):
            return
        try:
            turn = Turn(proving, most=PROVING if proving else claim.BATCH)
            while not self._closed and (mails := self.step(turn, partial(self._call_help, proving))):
                turn = turn._replace(after_app=mails[-1].app_id or "")
        finally:
            lane.release()

    def step(self, turn: Turn, full: Callable[[], object] | None = None) -> list[ClaimedMail]:
        """Claim and process one batch; returns its mails. `full` is called first if more may wait."""
        worker_id = self._worker_id()
        if worker_id is None:
            return []
        with self._database.transaction() as session:
            mails = claim.claim(session, clock.now(), worker_id, turn)
        if len(mails) >= turn.most and full is not None:
            full()
        try:
            self._process(worker_id, mails)
        except Unavailable:
            self._unreleased.append((worker_id, [mail.id for mail in mails]))
            self._release()
            raise
        return mails

    def recover(self) -> int:
        """Free what dead workers had claimed, and what could not be given back; returns the number of the dead's."""
        self._release()
        with self._database.transaction() as session:
            return claim.recover(session)

    def close(self) -> None:
        """Finish the batches in hand."""
        self._closed = True
        self._helper.shutdown(cancel_futures=True)
        self._provers.shutdown(wait=False, cancel_futures=True)

    def _call_help(self, proving: bool) -> None:
        """Have the next batch read by another thread while this one is written."""
        with suppress(RuntimeError):  # closed meanwhile
            self._helper.submit(self._help, proving=proving)

    def _help(self, *, proving: bool) -> None:
        try:
            self.process(proving=proving)
        except Unavailable as error:
            log.warning("inbound mail waits: %s", error)
        except Exception:
            log.exception("inbound mail waits for another look")

    def _process(self, worker_id: int, mails: Sequence[ClaimedMail]) -> None:
        """A batch that fails is repeated one by one, so that one bad mail does not hurt its neighbours."""
        if not mails:
            return
        try:
            self._decide(worker_id, mails)
        except Unavailable:
            raise
        except Exception:
            if len(mails) > 1:
                log.exception("a batch of %d inbound mails failed; they are processed one by one", len(mails))
            self._one_by_one(worker_id, mails)

    def _one_by_one(self, worker_id: int, mails: Sequence[ClaimedMail]) -> None:
        """After a mail that fails, the later ones of its participation wait."""
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
            log.warning("inbound mail %d is another worker's now", mail.id)
        except process.PoisonMail as error:
            log.exception("an inbound mail is put aside")
            reason = f"error: {type(error.__cause__).__name__}"
            with self._database.transaction() as session:
                process.fail(session, worker_id, mail, clock.now(), reason)
            return False
        return True

    def _decide(self, worker_id: int, mails: Sequence[ClaimedMail]) -> None:
        mails_read = self._read(mails)
        with self._database.transaction() as session:
            decided = process.decide(session, self._context, clock.now(), worker_id, mails_read)
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
        """Give back what was not decided; while the database is away it is tried again later."""
        while self._unreleased:
            worker_id, ids = self._unreleased.pop()
            try:
                with self._database.transaction() as session:
                    claim.release(session, worker_id, ids)
            except Unavailable:
                self._unreleased.append((worker_id, ids))
                return
