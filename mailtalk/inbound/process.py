"""Processing: each mail that was received comes to a named outcome, once, in its participant's order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db.database import is_temporary
from mailtalk.errors import Unavailable
from mailtalk.inbound import notices, pipeline, sender_checks
from mailtalk.inbound.context import Desk, Judgement
from mailtalk.mail.replies.quotes.own_mail import OwnAddress
from mailtalk.models import InboundMail
from mailtalk.vocabulary import Outcome

ATTEMPTS = 5
RETRY = timedelta(seconds=10)
DUE = "m.outcome = 'received' AND (m.not_before IS NULL OR m.not_before <= :now)"


class Poison(Exception):
    """Processing this mail raised what it should not."""

    def __init__(self, mail_id: int) -> None:
        super().__init__(f"inbound mail {mail_id} could not be processed")
        self.mail_id = mail_id


def waits(session: Session, now: datetime) -> bool:
    """Whether any mail is to be processed now."""
    return _any(session, now, f"NOT {sender_checks.WANTED}")


def wants_proof(session: Session, now: datetime) -> bool:
    """Whether of any mail it is to be found out now who sent it."""
    return _any(session, now, sender_checks.WANTED)


def prove(session: Session, desk: Desk, now: datetime) -> InboundMail | None:
    """Find out who sent the next mail of which its app wants to know; None when there is none. Raises Poison."""
    row = _take(session, now, sender_checks.WANTED)
    return None if row is None else _or_poison(row, partial(sender_checks.seek, session, desk, now, row))


def process(session: Session, desk: Desk, now: datetime) -> InboundMail | None:
    """Process the next mail that waits; None when there is none. Raises Poison when something unforeseen happens."""
    # One participant's mails are processed in the order they came: an earlier one in hand holds the later ones back,
    # unless it is the DNS that it waits for.
    earlier = f"""NOT EXISTS (SELECT 1 FROM inbound_mails e WHERE e.outcome = 'received' AND e.id < m.id
        AND e.participation_id = m.participation_id AND e.reason IS DISTINCT FROM '{sender_checks.UNANSWERED}')"""  # noqa: S608  ours
    row = _take(session, now, f"NOT {sender_checks.WANTED} AND {earlier}")
    return None if row is None else _or_poison(row, partial(_process, session, desk, now, row))


def fail(session: Session, mail_id: int, now: datetime, reason: str) -> None:
    """Count a failed attempt; after the last one the mail ends as failed, is kept, and can be replayed."""
    row = session.get_one(InboundMail, mail_id, with_for_update=True)
    row.attempts += 1
    row.not_before = now + RETRY
    if row.attempts >= ATTEMPTS:
        row.outcome, row.verdict, row.reason, row.processed_at = Outcome.FAILED, None, reason, now
        notices.record(session, now, row, Judgement(Outcome.FAILED, None, reason))


def _or_poison(row: InboundMail, work: Callable[[], None]) -> InboundMail:
    mail_id = row.id  # after a rollback the row cannot be asked
    try:
        work()
    except Exception as error:
        if isinstance(error, Unavailable) or is_temporary(error):
            raise
        raise Poison(mail_id) from error
    return row


def _process(session: Session, desk: Desk, now: datetime, row: InboundMail) -> None:
    row.outcome, row.verdict, reason = pipeline.decide(session, desk, now, row)
    row.processed_at = now
    own = OwnAddress(desk.domain)
    row.reason, row.message_id = own.scrub(reason or "") or None, own.scrub(row.message_id or "") or None
    session.flush()


def _any(session: Session, now: datetime, condition: str) -> bool:
    found = text(f"SELECT 1 FROM inbound_mails m WHERE {DUE} AND {condition} LIMIT 1")  # noqa: S608  ours
    return session.scalar(found, {"now": now}) is not None


def _take(session: Session, now: datetime, condition: str) -> InboundMail | None:
    query = f"""SELECT m.id FROM inbound_mails m WHERE {DUE} AND {condition}
        ORDER BY m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED"""  # noqa: S608  ours
    found = session.scalar(text(query), {"now": now})
    return None if found is None else session.get_one(InboundMail, found)
