"""Processing: read mails are decided in batches of one transaction; a mail that fails is tried five times."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.database import is_temporary
from mailtalk.errors import Unavailable
from mailtalk.events import record as event_log
from mailtalk.inbound import notices, pipeline, sender_checks
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.facts import Facts
from mailtalk.inbound.mail_in_hand import ReadMail
from mailtalk.inbound.write import ClaimLost, Decided, write
from mailtalk.keys import KeyAway
from mailtalk.models import InboundMail
from mailtalk.vocabulary import Outcome

ATTEMPTS = 5
RETRY = timedelta(seconds=10)
KEY_AWAY = timedelta(minutes=5)  # until the next attempt, while the key of the mail's seal is not held
LONGEST = max(RETRY, KEY_AWAY, sender_checks.LONGEST) + timedelta(minutes=1)
PULLED_BACK = 5_000  # at once

_POSTPONE = text("""
    UPDATE inbound_mails SET worker_id = NULL, not_before = :later
    WHERE id = :id AND worker_id = :worker AND outcome = 'received'""")
_PULL_BACK = sql.statement("""
    UPDATE inbound_mails SET not_before = :now WHERE id IN (
        SELECT id FROM inbound_mails WHERE outcome = $Outcome.RECEIVED AND not_before > :now + :longest
        ORDER BY id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING 1""")


class PoisonMail(Exception):
    """Unexpected error in the processing of this mail."""

    def __init__(self, mail_id: int) -> None:
        super().__init__(f"inbound mail {mail_id} could not be processed")
        self.mail_id = mail_id


@contextmanager
def poison(mail_id: int) -> Iterator[None]:
    """Raise PoisonMail for an error caused by the mail; temporary errors of ours pass through."""
    try:
        yield
    except Exception as error:
        if isinstance(error, (Unavailable, ClaimLost, KeyAway)) or is_temporary(error):
            raise
        raise PoisonMail(mail_id) from error


def decide(
    session: Session, context: InboundContext, now: datetime, worker_id: int, mails: Sequence[ReadMail]
) -> list[Decided]:
    """Decide about claimed mails in the order of their arrival, and write the decisions.

    An exception of any mail is raised: then the batch must be repeated one by one. ClaimLost if a claim was lost.
    """
    for mail in mails:
        if mail.error is not None:
            raise mail.error
    facts = Facts(session, context, now, mails)
    decided = [_decide(facts, context, now, mail) for mail in sorted(mails, key=lambda mail: mail.mail.id)]
    return write(session, context, now, worker_id, facts.conversations, decided)


def fail(session: Session, worker_id: int, mail: ClaimedMail, now: datetime, reason: str) -> None:
    """Count a failed attempt and release the claim; after the last attempt the mail is FAILED and can be replayed."""
    row = session.get_one(InboundMail, mail.id, with_for_update=True)
    if row.worker_id != worker_id or row.outcome != Outcome.RECEIVED:
        return
    row.attempts += 1
    row.not_before, row.worker_id = now + RETRY, None
    if row.attempts >= ATTEMPTS:
        row.outcome, row.verdict, row.reason, row.processed_at = Outcome.FAILED, None, reason, now
        event_log.record_many(session, notices.events(mail, Decision(outcome=Outcome.FAILED, reason=reason)), now)


def postpone(session: Session, worker_id: int, mail: ClaimedMail, now: datetime) -> None:
    """Release the claim until a missing key may be back; no attempt is counted."""
    session.execute(_POSTPONE, {"id": mail.id, "worker": worker_id, "later": now + KEY_AWAY})


def pull_back(session: Session, now: datetime) -> int:
    """Make due what would wait longer than any retry, as after a clock jumped; returns the number of mails."""
    return len(session.execute(_PULL_BACK, {"now": now, "longest": LONGEST, "most": PULLED_BACK}).all())


def _decide(facts: Facts, context: InboundContext, now: datetime, read: ReadMail) -> Decided:
    decision = pipeline.without_reading(read, now)
    if decision is not None or read.reading is None:
        return Decided(read.mail, decision or Decision(outcome=Outcome.REFUSED))
    hand = facts.in_hand(read, read.reading)
    decision = pipeline.decide(hand, context)
    facts.note(hand, decision)
    return Decided(read.mail, decision, hand)
