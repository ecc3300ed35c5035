"""Fan-out: events that were committed get their place in their conversation, and a delivery for each who wants them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

BATCH = 2_000  # events in one transaction
LOCK = 0x4D55  # of the one who fans out; and another one of who claims
# Events of a conversation are told in order, and so are those of a user; the others in no order.
LANE = """CASE WHEN e.conversation_id IS NOT NULL THEN 'c/' || e.conversation_id
    WHEN jsonb_exists(e.data, 'user') THEN 'u/' || (e.data -> 'user' ->> 'id') ELSE 'e/' || e.id END"""


def fan_out(session: Session, now: datetime) -> int:
    """Hand over the events that nobody was told of yet; gives how many; call again until it gives 0.

    One at a time does it, after the commits of the events, so that `seq` is the order in which they are told.
    """
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock, 0)"), {"lock": LOCK}):
        return 0
    told = _sequenced(session, now)
    if told:
        _deliveries(session, now, told)
    return len(told)


def waits(session: Session) -> bool:
    """Whether there are events that nobody was told of."""
    return session.scalar(text("SELECT 1 FROM events WHERE told_at IS NULL LIMIT 1")) is not None


def _sequenced(session: Session, now: datetime) -> list[tuple[str, int]]:
    rows = session.execute(
        text("""
        WITH untold AS (
            SELECT app_id, id, conversation_id FROM events WHERE told_at IS NULL ORDER BY id LIMIT :most),
        counted AS (
            INSERT INTO event_counts AS c (app_id, conversation_id, last)
            SELECT app_id, conversation_id, count(*) FROM untold WHERE conversation_id IS NOT NULL GROUP BY 1, 2
            ON CONFLICT (app_id, conversation_id) DO UPDATE SET last = c.last + excluded.last
            RETURNING app_id, conversation_id, last),
        placed AS (
            SELECT u.app_id, u.id, c.last + 1 - row_number() OVER (
                PARTITION BY u.app_id, u.conversation_id ORDER BY u.id DESC) AS seq
            FROM untold u LEFT JOIN counted c USING (app_id, conversation_id))
        UPDATE events e SET seq = p.seq, told_at = :now FROM placed p
        WHERE e.app_id = p.app_id AND e.id = p.id RETURNING e.app_id, e.id"""),
        {"now": now, "most": BATCH},
    )
    return [(row.app_id, row.id) for row in rows]


def _deliveries(session: Session, now: datetime, told: Sequence[tuple[str, int]]) -> None:
    # The lane's count is raised under its row's lock: who ends a lane at the same time finds it raised, and stays.
    session.execute(
        text(f"""
        WITH wanted AS (
            INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, created_at)
            SELECT e.app_id, w.id, e.id, {LANE}, :now
            FROM unnest(CAST(:apps AS text[]), CAST(:ids AS bigint[])) AS told (app_id, id)
            JOIN events e ON e.app_id = told.app_id AND e.id = told.id
            JOIN webhooks w ON w.app_id = e.app_id AND w.kind <> 'listener' AND w.status <> 'disabled'
                AND (w.events IS NULL OR e.type = ANY(w.events))
            ORDER BY e.id RETURNING app_id, webhook_id, lane)
        INSERT INTO webhook_lanes AS l (app_id, webhook_id, lane, pending, not_before)
        SELECT app_id, webhook_id, lane, count(*), :now FROM wanted GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (app_id, webhook_id, lane) DO UPDATE SET pending = l.pending + excluded.pending"""),  # noqa: S608  ours
        {"apps": [app_id for app_id, _ in told], "ids": [event_id for _, event_id in told], "now": now},
    )
