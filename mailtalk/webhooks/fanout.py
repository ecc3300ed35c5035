"""Fan-out: gives each committed event its sequence number, and queues a delivery for each subscribed endpoint."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import sql, turns

BATCH = 2_000  # events per transaction
LOCK = 0x4D55  # advisory locks: (LOCK, 0) fans out, (LOCK, 1) claims queues
# One queue per conversation, one per user; an event about neither has a queue of its own.
QUEUE = """CASE WHEN e.conversation_id IS NOT NULL THEN 'c/' || e.conversation_id
    WHEN jsonb_exists(e.data, 'user') THEN 'u/' || (e.data -> 'user' ->> 'id') ELSE 'e/' || e.id END"""
_GIVE_SEQUENCE = sql.load(
    __file__, "give_sequence", heads=turns.heads("events", "told_at IS NULL", "id"), share=turns.SHARE
)
_QUEUE_NEW = sql.load(__file__, "queue_new", queue=QUEUE)


def fan_out(session: Session, now: datetime) -> int:
    """Queue deliveries of a batch of new events, apps in turns, and return its size; call until it is 0.

    An advisory lock lets one worker at a time do it, after the events' commits: `seq` is the order of delivery.
    """
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock, 0)"), {"lock": LOCK}):
        return 0
    event_keys = _give_sequence(session, now)
    if event_keys:
        _queue_deliveries(session, now, event_keys)
    return len(event_keys)


def has_new(session: Session) -> bool:
    """True if there are events that were not fanned out."""
    return session.scalar(text("SELECT 1 FROM events WHERE told_at IS NULL LIMIT 1")) is not None


def _give_sequence(session: Session, now: datetime) -> list[tuple[str, int]]:
    """(app, event) of the next batch, each event with its sequence number set."""
    rows = session.execute(_GIVE_SEQUENCE, {"now": now, "limit": BATCH})
    return [(row.app_id, row.id) for row in rows]


def _queue_deliveries(session: Session, now: datetime, event_keys: Sequence[tuple[str, int]]) -> None:
    apps, ids = [app_id for app_id, _ in event_keys], [event_id for _, event_id in event_keys]
    session.execute(_QUEUE_NEW, {"apps": apps, "ids": ids, "now": now})
