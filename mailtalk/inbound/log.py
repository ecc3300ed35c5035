"""Log of inbound mails: each mail with its outcome, and its raw bytes until they are purged."""

from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.errors import Invalid, NotFound
from mailtalk.models import InboundMail, Message
from mailtalk.vocabulary import Outcome

PURGED_AT_ONCE = 500  # mails


def page(  # noqa: PLR0913  a page is all of these
    session: Session,
    app_id: str,
    limit: int,
    *,
    before: int | None = None,
    outcome: Outcome | None = None,
    conversation_id: str | None = None,
    user_id: str | None = None,
) -> list[InboundMail]:
    """Mails of an app, newest first, before the id `before`. Invalid for an unknown id."""
    query = select(InboundMail).where(InboundMail.app_id == app_id)
    if before is not None:
        if session.scalar(query.where(InboundMail.id == before)) is None:
            raise Invalid({"startingAfter": ["is not the id of a mail"]})
        query = query.where(InboundMail.id < before)
    wanted = {"outcome": outcome, "conversation_id": conversation_id, "user_id": user_id}
    query = query.filter_by(**{column: value for column, value in wanted.items() if value is not None})
    return list(session.scalars(query.order_by(InboundMail.id.desc()).limit(limit)))


def get(session: Session, app_id: str, mail_id: int, *, lock: bool = False) -> InboundMail:
    """One mail of an app, locked if it is to be changed; NotFound if there is none with this id."""
    query = select(InboundMail).where(InboundMail.app_id == app_id, InboundMail.id == mail_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound({"mailId": ["no such mail"]})
    return row


def elided(session: Session, row: InboundMail) -> str | None:
    """Text that was cut from the mail when it became a message."""
    query = select(Message.elided).where(Message.app_id == row.app_id, Message.id == row.posted_as)
    return session.scalar(query) if row.posted_as else None


def purge(session: Session, now: datetime, days: float) -> int:
    """Delete a batch of raw mails older than this many days, keeping their rows; returns the number."""
    result = session.execute(
        text("""
        DELETE FROM raw_mails WHERE id IN (
            SELECT r.id FROM raw_mails r
            WHERE r.received_at < :before AND NOT EXISTS (
                SELECT 1 FROM inbound_mails m WHERE m.raw_id = r.id AND m.outcome = 'received')
            ORDER BY r.id LIMIT :most FOR UPDATE SKIP LOCKED)
        RETURNING 1"""),
        {"before": now - timedelta(days=days), "most": PURGED_AT_ONCE},
    )
    return len(result.all())
