"""Cursors: where the row of `startingAfter` stood in its list, also when it has moved since, or is deleted.

A page ends with a row; the next one begins after the place that this row had then, so that rows that stood still are
neither lost nor listed twice.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db.bulk import encode

PURGED = 5_000  # in one transaction
_KEEP = text("""
    INSERT INTO list_places (app_id, name, id, moment, seq, until)
    SELECT :app, place.name, :id, place.moment, place.seq, now() + CAST(:kept AS interval)
    FROM jsonb_to_recordset(CAST(:places AS jsonb)) AS place (name text, moment timestamptz, seq bigint)
    ON CONFLICT (app_id, name, id) DO UPDATE
    SET moment = excluded.moment, seq = excluded.seq, until = excluded.until
    -- a list that is read again and again writes nothing
    WHERE list_places.moment <> excluded.moment OR list_places.until < excluded.until - interval '10 minutes'""")
_FIND = text("""
    SELECT moment, seq FROM list_places WHERE app_id = :app AND name = :name AND id = :id AND until > now()""")
_PURGE = text("""
    DELETE FROM list_places WHERE (app_id, name, id) IN (
        SELECT app_id, name, id FROM list_places WHERE until < now() ORDER BY until LIMIT :most
        FOR UPDATE SKIP LOCKED) RETURNING 1""")


class Place(NamedTuple):
    """Place of a row in a list: its time in the order, and the seq of a message."""

    moment: datetime
    seq: int | None = None


def keep_end(session: Session, app_id: str, name: str, row_id: str, moment: datetime) -> None:
    """Keep the place of a row for an hour: the last one of a page in a list whose rows move, or an erased user."""
    _keep(session, app_id, row_id, {name: Place(moment)}, "1 hour")


def keep_deleted(session: Session, app_id: str, row_id: str, places: dict[str, Place]) -> None:
    """Keep the places of a deleted row, by list, for 30 days."""
    _keep(session, app_id, row_id, places, "30 days")


def place(session: Session, app_id: str, name: str, row_id: str) -> Place | None:
    """Kept place of a row; None if none is kept."""
    row = session.execute(_FIND, {"app": app_id, "name": name, "id": row_id}).one_or_none()
    return None if row is None else Place(*row)


def moment(session: Session, app_id: str, name: str, row_id: str) -> datetime | None:
    """Time of a row's kept place; None if none is kept."""
    kept = place(session, app_id, name, row_id)
    return None if kept is None else kept.moment


def purge(session: Session, _now: datetime) -> int:
    """Delete a batch of expired places; returns the number, 0 if none is left."""
    return len(session.execute(_PURGE, {"most": PURGED}).all())


def _keep(session: Session, app_id: str, row_id: str, places: dict[str, Place], kept: str) -> None:
    rows: list[dict[str, Any]] = [{"name": name, "moment": at, "seq": seq} for name, (at, seq) in places.items()]
    session.execute(_KEEP, {"app": app_id, "id": row_id, "places": encode(rows), "kept": kept})
