"""Retention of deliveries: those that ended long ago are deleted in small steps, so that their table stays bounded."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

PURGED = 5_000  # in one transaction

_PURGE = text("""
    WITH ended AS (
        DELETE FROM deliveries WHERE (app_id, id) IN (
            SELECT app_id, id FROM deliveries WHERE ended_at < :before
            ORDER BY ended_at LIMIT :most FOR UPDATE SKIP LOCKED)
        RETURNING app_id, id, kind),
    replied AS (
        DELETE FROM addresses a USING ended e
        WHERE e.kind = 'digest' AND a.app_id = e.app_id AND a.participation_id = e.id)
    SELECT 1 FROM ended""")


def purge(session: Session, now: datetime, days: float) -> int:
    """Delete a batch of deliveries that ended this many days ago; returns the number, 0 if none is left."""
    return len(session.execute(_PURGE, {"before": now - timedelta(days=days), "most": PURGED}).all())
