"""Webhook delivery log: list, replay, test, purge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.errors import Invalid
from mailtalk.models import Webhook
from mailtalk.vocabulary import EventType
from mailtalk.webhooks.fanout import QUEUE

MOST = 10_000  # events of one replay
PURGED = 5_000  # deliveries per transaction
# The events of a ReplayRange: a parameter that is not given is null.
_CHOSEN = """SELECT e.* FROM events e WHERE e.app_id = :app AND e.told_at IS NOT NULL AND e.type <> 'webhook.test'
    AND (CAST(:events AS text[]) IS NULL OR e.type = ANY(CAST(:events AS text[])))
    AND (CAST(:ids AS bigint[]) IS NULL OR e.id = ANY(CAST(:ids AS bigint[])))
    AND (CAST(:start AS timestamptz) IS NULL OR e.created_at >= :start)
    AND (CAST(:end AS timestamptz) IS NULL OR e.created_at < :end)
    ORDER BY e.id LIMIT :most"""
_QUEUE_CHOSEN = sql.load(__file__, "queue_again", events=_CHOSEN, queue=QUEUE)
_QUEUE_TEST = sql.load(
    __file__, "queue_again", events="SELECT e.* FROM events e WHERE e.app_id = :app AND e.id = :id", queue=QUEUE
)
_LIST = sql.load(__file__, "list_deliveries")
_PURGE = sql.load(__file__, "purge_deliveries")


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
        _LIST, {"app": endpoint.app_id, "webhook": endpoint.id, "stage": stage, "before": before, "limit": limit}
    )
    return rows.all()


def replay(session: Session, now: datetime, endpoint: Webhook, chosen: ReplayRange) -> int:
    """Queue the chosen events, if the endpoint subscribes to them, behind all others; returns their number.

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
    count = session.scalar(_QUEUE_CHOSEN, values) or 0
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
    session.execute(_QUEUE_TEST, values | {"id": event_id})
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
    deleted = session.execute(_PURGE, {"before": now - timedelta(days=days), "most": PURGED})
    session.execute(text("DELETE FROM webhook_lanes WHERE claim IS NULL AND pending <= 0"))
    count: int = deleted.scalar_one()
    return count
