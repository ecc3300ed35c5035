"""Events: recorded in the transaction of their cause, for webhooks, channels and listeners.

An event is recorded only if an endpoint subscribes to its type.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.vocabulary import EventType

PURGED = 5_000  # in one transaction
RECORDED = "events were recorded"  # key of a session's `info`, for a bell after its commit

# An endpoint w subscribes to an event e; a paused one gets it once it is resumed.
WANTS = sql.fragment("""w.app_id = e.app_id AND w.status <> $EndpointStatus.DISABLED
    AND (w.until IS NULL OR w.until > now()) AND (w.events IS NULL OR e.type = ANY(w.events))""")
_WANTING = sql.statement(
    """
    -- the apps that want an event of one of these types
    SELECT app_id FROM unnest(CAST(:apps AS text[])) AS app (app_id) WHERE EXISTS (
        SELECT 1 FROM webhooks w, unnest(CAST(:kinds AS text[])) AS kind (type),
            LATERAL (SELECT app.app_id, kind.type) AS e WHERE $wants)""",
    wants=WANTS,
)
_RECORD = sql.statement(
    """
    -- record those that are wanted, in the order given
    INSERT INTO events (app_id, type, conversation_id, data, created_at)
    SELECT e.app_id, e.type, e.conversation_id, CAST(e.data AS jsonb),
        coalesce(CAST(:now AS timestamptz), date_trunc('milliseconds', now()))
    FROM unnest(CAST(:apps AS text[]), CAST(:types AS text[]), CAST(:conversations AS text[]), CAST(:data AS text[]))
        WITH ORDINALITY AS e (app_id, type, conversation_id, data, i)
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE $wants)
    ORDER BY e.i""",
    wants=WANTS,
)
_PURGE_LISTENERS = sql.statement("DELETE FROM webhooks WHERE until < :now")
_PURGE = sql.statement("""
    DELETE FROM events WHERE (app_id, id) IN (
        SELECT app_id, id FROM events WHERE created_at < :before AND told_at IS NOT NULL
        ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED) RETURNING 1""")


@dataclass(frozen=True, slots=True)
class Happened:
    """Event to be recorded; `data` is the payload."""

    app_id: str
    kind: EventType
    data: dict[str, Any]
    conversation_id: str | None = None


def wanted(session: Session, app_id: str, *kinds: EventType) -> bool:
    """True if an endpoint subscribes to one of these types; ask before building payloads that cost queries."""
    return bool(wanting(session, [app_id], *kinds))


def wanting(session: Session, app_ids: Iterable[str], *kinds: EventType) -> set[str]:
    """Apps with an endpoint for one of these types."""
    return set(session.scalars(_WANTING, {"apps": list(app_ids), "kinds": list(kinds)}))


def record_many(session: Session, happened: Sequence[Happened], now: datetime | None = None) -> None:
    """Record subscribed events, in this order, in one statement; `now` defaults to the database's."""
    if not happened:
        return
    recorded = session.connection().execute(
        _RECORD,
        {
            "now": now,
            "apps": [event.app_id for event in happened],
            "types": [event.kind for event in happened],
            "conversations": [event.conversation_id for event in happened],
            "data": [msgspec.json.encode(event.data).decode() for event in happened],
        },
    )
    if recorded.rowcount:
        session.info[RECORDED] = True


def purge(session: Session, now: datetime, days: float) -> int:
    """Delete a batch of old events and expired listeners; returns the number, 0 if none is left."""
    session.execute(_PURGE_LISTENERS, {"now": now})
    deleted = session.execute(_PURGE, {"before": now - timedelta(days=days), "most": PURGED})
    return len(deleted.all())
