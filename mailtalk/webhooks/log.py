"""Webhook delivery log: list, replay, test, purge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from mailtalk.errors import Invalid
from mailtalk.models import Webhook
from mailtalk.vocabulary import EventType
from mailtalk.webhooks.fanout import QUEUE

MOST = 10_000  # events of one replay
PURGED = 5_000  # deliveries per transaction


@dataclass(frozen=True, slots=True)
class ReplayRange:
    """Which events to replay: by id, or from `start` to before `end`."""

    ids: Sequence[int] = ()
    start: datetime | None = None
    end: datetime | None = None


def page(
    session: Session, endpoint: Webhook, limit: int, *, stage: str | None = None, before: int | None = None
) -> Sequence[Row[Any]]:
    """Deliveries of an endpoint, newest first; `stage` and `before` (an id) narrow them."""
    rows = session.execute(
        text("""
        SELECT d.id, d.event_id, e.type, e.conversation_id, e.seq, d.stage, d.attempts, d.status, d.reply,
            d.created_at, d.tried_at, d.ended_at,
            CASE WHEN d.stage = 'queued' THEN q.not_before END AS not_before
        FROM webhook_deliveries d LEFT JOIN events e ON e.app_id = d.app_id AND e.id = d.event_id
        LEFT JOIN webhook_lanes q ON q.app_id = d.app_id AND q.webhook_id = d.webhook_id AND q.lane = d.lane
        WHERE d.app_id = :app AND d.webhook_id = :webhook
            AND (CAST(:stage AS text) IS NULL OR d.stage = :stage)
            AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
        ORDER BY d.id DESC LIMIT :limit"""),
        {"app": endpoint.app_id, "webhook": endpoint.id, "stage": stage, "before": before, "limit": limit},
    )
    return rows.all()


def replay(session: Session, now: datetime, endpoint: Webhook, chosen: ReplayRange) -> int:
    """Queue the chosen events that the endpoint wants behind all others, in order, and return their number.

    They keep their ids: a receiver drops those it has. Invalid if they are more than `MOST`.
    """
    values = {
        "app": endpoint.app_id,
        "webhook": endpoint.id,
        "events": endpoint.events,
        "now": now,
        "ids": list(chosen.ids) or None,
        "start": chosen.start,
        "end": chosen.end,
        "most": MOST + 1,
    }
    count = session.scalar(text(_queue_all(_CHOSEN)), values) or 0
    if count > MOST:
        raise Invalid({"from": [f"more than {MOST} events; choose a shorter range"]})
    return count


def send_test(session: Session, now: datetime, endpoint: Webhook) -> int:
    """Queue a test event for this endpoint alone, and return the event's id."""
    values = {
        "app": endpoint.app_id,
        "webhook": endpoint.id,
        "type": EventType.WEBHOOK_TEST,
        "data": '{"text": "This is a test."}',
        "now": now,
    }
    insert = text("""INSERT INTO events (app_id, type, data, created_at, told_at)
        VALUES (:app, :type, CAST(:data AS jsonb), :now, :now) RETURNING id""")
    event_id: int = session.scalars(insert, values).one()
    session.execute(
        text(_queue_all("SELECT e.* FROM events e WHERE e.app_id = :app AND e.id = :id")), values | {"id": event_id}
    )
    return event_id


def last_attempt(session: Session, endpoint: Webhook, event_id: int) -> Row[Any] | None:
    """Stage, status and reply of an event's last attempt; None before the first."""
    return session.execute(
        text("""
        SELECT stage, status, reply FROM webhook_deliveries
        WHERE app_id = :app AND webhook_id = :webhook AND event_id = :event AND tried_at IS NOT NULL
        ORDER BY id DESC LIMIT 1"""),
        {"app": endpoint.app_id, "webhook": endpoint.id, "event": event_id},
    ).one_or_none()


def purge(session: Session, now: datetime, days: float) -> int:
    """Delete deliveries older than `days`, also queued ones, and return their number; call until it is 0."""
    deleted = session.execute(
        text("""
        WITH old AS (
            DELETE FROM webhook_deliveries WHERE (app_id, id) IN (
                SELECT app_id, id FROM webhook_deliveries WHERE created_at < :before
                ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED)
            RETURNING app_id, webhook_id, lane, stage),
        -- their queues hold so many fewer
        counted_out AS (
            UPDATE webhook_lanes q SET pending = q.pending - o.count
            FROM (SELECT app_id, webhook_id, lane, count(*) AS count FROM old
                WHERE stage = 'queued' GROUP BY 1, 2, 3) AS o
            WHERE q.app_id = o.app_id AND q.webhook_id = o.webhook_id AND q.lane = o.lane)
        SELECT count(*) FROM old"""),
        {"before": now - timedelta(days=days), "most": PURGED},
    )
    session.execute(text("DELETE FROM webhook_lanes WHERE claim IS NULL AND pending <= 0"))
    count: int = deleted.scalar_one()
    return count


# The events of a ReplayRange: a parameter that is not given is null.
_CHOSEN = """SELECT e.* FROM events e WHERE e.app_id = :app AND e.told_at IS NOT NULL AND e.type <> 'webhook.test'
    AND (CAST(:events AS text[]) IS NULL OR e.type = ANY(CAST(:events AS text[])))
    AND (CAST(:ids AS bigint[]) IS NULL OR e.id = ANY(CAST(:ids AS bigint[])))
    AND (CAST(:start AS timestamptz) IS NULL OR e.created_at >= :start)
    AND (CAST(:end AS timestamptz) IS NULL OR e.created_at < :end)
    ORDER BY e.id LIMIT :most"""


def _queue_all(events: str) -> str:
    """SQL: queue deliveries of the events that a query selects, and count them."""
    return f"""
        WITH chosen AS ({events}),
        queued AS (
            INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, created_at)
            SELECT e.app_id, :webhook, e.id, {QUEUE}, :now FROM chosen e ORDER BY e.seq, e.id RETURNING lane),
        queues AS (
            INSERT INTO webhook_lanes AS q (app_id, webhook_id, lane, pending, not_before)
            SELECT :app, :webhook, lane, count(*), :now FROM queued GROUP BY lane ORDER BY lane
            ON CONFLICT (app_id, webhook_id, lane) DO UPDATE SET pending = q.pending + excluded.pending)
        SELECT count(*) FROM queued"""  # noqa: S608  ours
