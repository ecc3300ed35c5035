"""Audit log: who did what in the console, and when."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.models import AuditEntry


def record(session: Session, entry: AuditEntry) -> None:
    """Add an entry, in the transaction of the action itself."""
    session.add(entry)


def page(session: Session, app_id: str | None, limit: int, before: int | None = None) -> Sequence[AuditEntry]:
    """Entries, newest first, before the id `before`; of one app, or of all (None)."""
    query = select(AuditEntry)
    if app_id is not None:
        query = query.where(AuditEntry.app_id == app_id)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()
