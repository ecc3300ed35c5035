"""Fan-out: gives each committed event its sequence number, and queues a delivery for each endpoint that wants it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

BATCH = 2_000  # events per transaction
LOCK = 0x4D55  # advisory locks: (LOCK, 0) fans out, (LOCK, 1) claims queues
# One queue per conversation, one per user; an event about neither has a queue of its own.
QUEUE = """CASE WHEN e.conversation_id IS NOT NULL THEN 'c/' || e.conversation_id
    WHEN jsonb_exists(e.data, 'user') THEN 'u/' || (e.data -> 'user' ->> 'id') ELSE 'e/' || e.id END"""


def fan_out(session: Session, now: datetime) -> int:
    """Queue deliveries of a batch of new events, and return its size; call until it is 0.

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
    rows = session.execute(
        text("""
        WITH new AS (
            SELECT app_id, id, conversation_id FROM events WHERE told_at IS NULL ORDER BY id LIMIT :batch),
        -- the conversations' counters, raised by the number of their new events
        counted AS (
            INSERT INTO event_counts AS c (app_id, conversation_id, last)
            SELECT app_id, conversation_id, count(*) FROM new WHERE conversation_id IS NOT NULL GROUP BY 1, 2
            ON CONFLICT (app_id, conversation_id) DO UPDATE SET last = c.last + excluded.last
            RETURNING app_id, conversation_id, last),
        -- each new event's number, counted back from the raised counter
        numbered AS (
            SELECT n.app_id, n.id, c.last + 1 - row_number() OVER (
                PARTITION BY n.app_id, n.conversation_id ORDER BY n.id DESC) AS seq
            FROM new n LEFT JOIN counted c USING (app_id, conversation_id))
        UPDATE events e SET seq = n.seq, told_at = :now FROM numbered n
        WHERE e.app_id = n.app_id AND e.id = n.id RETURNING e.app_id, e.id"""),
        {"now": now, "batch": BATCH},
    )
    return [(row.app_id, row.id) for row in rows]


def _queue_deliveries(session: Session, now: datetime, event_keys: Sequence[tuple[str, int]]) -> None:
    # `pending` is raised under the queue's row lock: a worker that ends the queue at the same time sees it and goes on.
    session.execute(
        text(f"""
        WITH delivery AS (
            INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, created_at)
            SELECT e.app_id, w.id, e.id, {QUEUE}, :now
            FROM unnest(CAST(:apps AS text[]), CAST(:ids AS bigint[])) AS key (app_id, id)
            JOIN events e ON e.app_id = key.app_id AND e.id = key.id
            JOIN webhooks w ON w.app_id = e.app_id AND w.kind <> 'listener' AND w.status <> 'disabled'
                AND (w.events IS NULL OR e.type = ANY(w.events))
            ORDER BY e.id RETURNING app_id, webhook_id, lane)
        INSERT INTO webhook_lanes AS q (app_id, webhook_id, lane, pending, not_before)
        SELECT app_id, webhook_id, lane, count(*), :now FROM delivery GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (app_id, webhook_id, lane) DO UPDATE SET pending = q.pending + excluded.pending"""),  # noqa: S608  ours
        {"apps": [app_id for app_id, _ in event_keys], "ids": [event_id for _, event_id in event_keys], "now": now},
    )
