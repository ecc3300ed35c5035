"""Origins: the trace and the request that a change or a message came from, kept in its transaction.

Nothing is kept or read unless traces are on: then the API sets `current` for each request.
"""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from mailtalk import models
from mailtalk.db.bulk import insert_rows

KEPT = timedelta(days=2)  # a daily digest is made within one
PURGED = 5_000  # in one transaction
_PURGE = text("""
    DELETE FROM origins WHERE (app_id, id) IN (
        SELECT app_id, id FROM origins WHERE at < :before ORDER BY at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING 1""")

Item = tuple[str, str]  # app, and id on the wire


class Origin(NamedTuple):
    """Trace context (W3C traceparent) of a request, and its id."""

    traceparent: str
    request_id: str | None


current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def keep(session: Session, now: datetime, items: Iterable[tuple[Item, Origin]]) -> None:
    """Keep the origins of new changes or messages; without any, nothing is written."""
    rows = [{"app_id": app_id, "id": item_id, **origin._asdict(), "at": now} for (app_id, item_id), origin in items]
    insert_rows(session, models.Origin, rows)


def of(session: Session, items: Iterable[Item]) -> Mapping[Item, Origin]:
    """Origins of changes or messages; those without are left out."""
    row = models.Origin
    columns = (row.app_id, row.id, row.traceparent, row.request_id)
    rows = session.execute(select(*columns).where(tuple_(row.app_id, row.id).in_(list(items))))
    return {(row.app_id, row.id): Origin(row.traceparent, row.request_id) for row in rows}


def purge(session: Session, now: datetime) -> int:
    """Delete a batch of old origins; returns the number, 0 if none is left."""
    return len(session.execute(_PURGE, {"before": now - KEPT, "most": PURGED}).all())
