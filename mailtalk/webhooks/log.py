"""The book of deliveries: what each endpoint was told, when and how it went; told again when somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from mailtalk.errors import Invalid
from mailtalk.models import Webhook
from mailtalk.vocabulary import EventType
from mailtalk.webhooks.fanout import LANE

MOST = 10_000  # events of one replay
PURGED = 5_000  # in one transaction


@dataclass(frozen=True, slots=True)
class Span:
    """Which events are told again: those with these ids, or those that happened then, the end excluded."""

    ids: Sequence[int] = ()
    start: datetime | None = None
    end: datetime | None = None


def page(
    session: Session, row: Webhook, limit: int, *, stage: str | None = None, before: int | None = None
) -> Sequence[Row[Any]]:
    """Deliveries, newest first; those of a stage, those before an id."""
    found = session.execute(
        text("""
        SELECT d.id, d.event_id, e.type, e.conversation_id, e.seq, d.stage, d.attempts, d.status, d.reply,
            d.created_at, d.tried_at, d.ended_at,
            CASE WHEN d.stage = 'queued' THEN l.not_before END AS not_before
        FROM webhook_deliveries d LEFT JOIN events e ON e.app_id = d.app_id AND e.id = d.event_id
        LEFT JOIN webhook_lanes l ON l.app_id = d.app_id AND l.webhook_id = d.webhook_id AND l.lane = d.lane
        WHERE d.app_id = :app AND d.webhook_id = :webhook
            AND (CAST(:stage AS text) IS NULL OR d.stage = :stage)
            AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
        ORDER BY d.id DESC LIMIT :limit"""),
        {"app": row.app_id, "webhook": row.id, "stage": stage, "before": before, "limit": limit},
    )
    return found.all()


def replay(session: Session, now: datetime, row: Webhook, span: Span) -> int:
    """Tell these events again that the endpoint wants, in their order, behind all that waits; gives how many.

    They keep their ids: a receiver that took one already drops it. Invalid when they are too many for one time.
    """
    values = {
        "app": row.app_id,
        "webhook": row.id,
        "events": row.events,
        "now": now,
        "ids": list(span.ids) or None,
        "start": span.start,
        "end": span.end,
        "most": MOST + 1,
    }
    count = session.scalar(text(_queued(_AGAIN)), values) or 0
    if count > MOST:
        raise Invalid({"from": [f"more than {MOST} events; choose a shorter time"]})
    return count


def test(session: Session, now: datetime, row: Webhook) -> int:
    """Tell the endpoint of a test, and nobody else; gives the event's id."""
    values = {
        "app": row.app_id,
        "webhook": row.id,
        "type": EventType.WEBHOOK_TEST,
        "data": '{"text": "This is a test."}',
        "now": now,
    }
    made = text("""INSERT INTO events (app_id, type, data, created_at, told_at)
        VALUES (:app, :type, CAST(:data AS jsonb), :now, :now) RETURNING id""")
    event_id: int = session.scalars(made, values).one()
    session.execute(
        text(_queued("SELECT e.* FROM events e WHERE e.app_id = :app AND e.id = :id")), values | {"id": event_id}
    )
    return event_id


def outcome(session: Session, row: Webhook, event_id: int) -> Row[Any] | None:
    """How telling an event went the last time; None while it was not tried."""
    return session.execute(
        text("""
        SELECT stage, status, reply FROM webhook_deliveries
        WHERE app_id = :app AND webhook_id = :webhook AND event_id = :event AND tried_at IS NOT NULL
        ORDER BY id DESC LIMIT 1"""),
        {"app": row.app_id, "webhook": row.id, "event": event_id},
    ).one_or_none()


def purge(session: Session, now: datetime, days: float) -> int:
    """Forget deliveries that are older, also those that still wait; gives how many; call again until it gives 0."""
    forgotten = session.execute(
        text("""
        WITH old AS (
            DELETE FROM webhook_deliveries WHERE (app_id, id) IN (
                SELECT app_id, id FROM webhook_deliveries WHERE created_at < :before
                ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED)
            RETURNING app_id, webhook_id, lane, stage),
        fewer AS (
            UPDATE webhook_lanes l SET pending = l.pending - o.count
            FROM (SELECT app_id, webhook_id, lane, count(*) AS count FROM old
                WHERE stage = 'queued' GROUP BY 1, 2, 3) AS o
            WHERE l.app_id = o.app_id AND l.webhook_id = o.webhook_id AND l.lane = o.lane)
        SELECT count(*) FROM old"""),
        {"before": now - timedelta(days=days), "most": PURGED},
    )
    session.execute(text("DELETE FROM webhook_lanes WHERE claim IS NULL AND pending <= 0"))
    count: int = forgotten.scalar_one()
    return count


# One form for both ways to say which: what is not given is null.
_AGAIN = """SELECT e.* FROM events e WHERE e.app_id = :app AND e.told_at IS NOT NULL AND e.type <> 'webhook.test'
    AND (CAST(:events AS text[]) IS NULL OR e.type = ANY(CAST(:events AS text[])))
    AND (CAST(:ids AS bigint[]) IS NULL OR e.id = ANY(CAST(:ids AS bigint[])))
    AND (CAST(:start AS timestamptz) IS NULL OR e.created_at >= :start)
    AND (CAST(:end AS timestamptz) IS NULL OR e.created_at < :end)
    ORDER BY e.id LIMIT :most"""


def _queued(found: str) -> str:
    return f"""
        WITH found AS ({found}),
        queued AS (
            INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, created_at)
            SELECT e.app_id, :webhook, e.id, {LANE}, :now FROM found e ORDER BY e.seq, e.id RETURNING lane),
        lanes AS (
            INSERT INTO webhook_lanes AS l (app_id, webhook_id, lane, pending, not_before)
            SELECT :app, :webhook, lane, count(*), :now FROM queued GROUP BY lane ORDER BY lane
            ON CONFLICT (app_id, webhook_id, lane) DO UPDATE SET pending = l.pending + excluded.pending)
        SELECT count(*) FROM queued"""  # noqa: S608  ours
