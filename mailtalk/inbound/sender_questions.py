"""Questions "was this you?" about mails held back because of their sender, the answers, and accepted addresses."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.conversations import users
from mailtalk.db.bulk import encode, records
from mailtalk.inbound import quarantine, sender_policy
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.mail import address as mail_address
from mailtalk.models import InboundMail, SenderQuestion, User
from mailtalk.vocabulary import Outcome, SenderAnswer

PURGED_AT_ONCE = 5_000  # questions
_KEEP = text(f"""
    INSERT INTO sender_questions (mail_id, app_id, participation_id, address, excerpt, asked_at)
    SELECT mail_id, app_id, participation_id, address, excerpt, asked_at FROM {records(SenderQuestion)}
    ON CONFLICT (mail_id) DO NOTHING""")  # noqa: S608  ours
_PURGE = text("""
    DELETE FROM sender_questions WHERE mail_id = ANY(ARRAY(
        SELECT mail_id FROM sender_questions WHERE asked_at < :before ORDER BY asked_at LIMIT :most)) RETURNING 1""")


class PendingQuestion(NamedTuple):
    """Question to be kept: the mail, its From address, and the beginning of its text."""

    mail: ClaimedMail
    address: str
    excerpt: str


class Settled(NamedTuple):
    """End of a question: the answer, None if it was settled by an operator or the app, and the time."""

    answer: SenderAnswer | None
    at: datetime


def keep(session: Session, now: datetime, questions: Sequence[PendingQuestion]) -> None:
    """Keep new questions in one statement; a question about a mail that is processed again stays as it is."""
    rows = [
        {
            "mail_id": mail.id,
            "app_id": mail.app_id,
            "participation_id": mail.participation_id,
            "address": address,
            "excerpt": excerpt,
            "asked_at": now,
        }
        for mail, address, excerpt in questions
    ]
    if rows:
        session.execute(_KEEP, {"rows": encode(rows)})


def settled(row: InboundMail, question: SenderQuestion | None) -> Settled | None:
    """End of the question about a mail; None while it is open."""
    if question is not None and question.answer is not None and question.answered_at is not None:
        return Settled(SenderAnswer(question.answer), question.answered_at)
    return Settled(None, row.released_at) if row.released_at is not None else None


def is_open(row: InboundMail) -> bool:
    """True if the mail can still be posted."""
    return row.outcome == Outcome.QUARANTINED and row.raw_id is not None


def answer(session: Session, row: InboundMail, choice: SenderAnswer, now: datetime) -> None:
    """Settle the question about a locked mail: it is released or refused. Conflict if it is not in quarantine."""
    question = session.get(SenderQuestion, row.id)
    if question is None:  # asked by a version that kept no questions
        question = SenderQuestion(mail_id=row.id, app_id=row.app_id, address="", excerpt="", asked_at=now)
        session.add(question)
    if choice is SenderAnswer.REJECT:
        quarantine.reject(row)
    else:
        quarantine.release(row, now)
    if choice is SenderAnswer.ALWAYS and question.address:
        accept(session, row, question.address)
    question.answer, question.answered_at = choice, now


def accept(session: Session, row: InboundMail, address: str) -> None:
    """Accept mails from this address as the participant's from now on; nothing is sent to it."""
    user = users.get(session, row.app_id or "", row.user_id or "")
    session.refresh(user, with_for_update={"key_share": True})
    if may_accept(user, address):
        user.accepted_senders = mail_address.distinct([*(user.accepted_senders or ()), address])


def may_accept(user: User | None, address: str) -> bool:
    """True unless the address is already one of the user's own."""
    return user is not None and bool(address) and not sender_policy.is_known(address, user.emails or ())


def purge(session: Session, now: datetime, days: float) -> int:
    """Delete a batch of questions older than this many days; returns the number."""
    return len(session.execute(_PURGE, {"before": now - timedelta(days=days), "most": PURGED_AT_ONCE}).all())
