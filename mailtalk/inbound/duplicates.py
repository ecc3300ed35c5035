"""Repeats: what one participant wrote before, by which a mail that came twice is known, and a machine that loops."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from mailtalk.inbound.context import Case, Judgement
from mailtalk.models import InboundMail
from mailtalk.vocabulary import Outcome, Verdict

HOUR = timedelta(hours=1)
SAME_TEXT = 3  # times within an hour
REUSED = "message-id-reused"
OF_PEOPLE = (Verdict.PERSON, Verdict.FLOOD)


def remember(case: Case) -> None:
    """Note what was said, whatever its case and its blanks, so that it is known when it comes again."""
    said = " ".join(case.words.text.split()).casefold()
    case.row.said_hash = sha256(said.encode()).digest() if said else None


def same_mail(case: Case) -> Judgement | None:
    """The same mail, delivered twice; the same Message-ID with another body is another mail, and flagged."""
    row = case.row
    row.fingerprint = case.reading.fingerprint
    earlier = case.session.scalars(_others(row, InboundMail.outcome == Outcome.POSTED, _alike(row))).all()
    if any(each.fingerprint == row.fingerprint for each in earlier):
        return Judgement(Outcome.IGNORED, Verdict.DUPLICATE, "same-mail")
    row.flag = REUSED if earlier else None
    return None


def flood(case: Case) -> Judgement | None:
    """The back-stop that needs no header: what writes so much, or always the same, is a machine."""
    row, limit = case.row, case.desk.mail_per_hour
    if limit == 0 or (row.released_at is not None and row.verdict == Verdict.FLOOD):
        return None
    in_hour = InboundMail.received_at.between(row.received_at - HOUR, row.received_at)
    lately = _others(row, in_hour, InboundMail.verdict.in_(OF_PEOPLE))
    if _count(case.session, lately) >= limit:
        return Judgement(Outcome.QUARANTINED, Verdict.FLOOD, "too-many")
    if row.said_hash and _count(case.session, lately.where(InboundMail.said_hash == row.said_hash)) >= SAME_TEXT - 1:
        return Judgement(Outcome.QUARANTINED, Verdict.FLOOD, "same-text")
    return None


def _alike(row: InboundMail) -> ColumnElement[bool]:
    alike = InboundMail.fingerprint == row.fingerprint
    return alike | (InboundMail.message_id == row.message_id) if row.message_id else alike


def _others(row: InboundMail, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Other mails of the same participation."""
    own = InboundMail.participation_id == row.participation_id
    return select(InboundMail).where(own, InboundMail.id != row.id, *conditions)


def _count(session: Session, rows: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0
