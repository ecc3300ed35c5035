"""Events: what happened, written in the transaction that made it true, for webhooks and other pipelines.

What nobody wants is not written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.vocabulary import EventType

PURGED = 5_000  # in one transaction
# An endpoint that wants an event of this type; a paused one is told when it is resumed.
_WANTS = """w.status <> 'disabled' AND (w.until IS NULL OR w.until > now())
    AND (w.events IS NULL OR {type} = ANY(w.events))"""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that is to be written; `data` is what its receivers see."""

    app_id: str
    kind: EventType
    data: dict[str, Any]
    conversation_id: str | None = None


def wanted(session: Session, app_id: str, *kinds: EventType) -> bool:
    """Whether anybody is told of one of these: ask it before what costs queries is put together."""
    found = text(
        f"""SELECT 1 FROM webhooks w, unnest(CAST(:kinds AS text[])) AS asked (type)
        WHERE w.app_id = :app AND {_WANTS.format(type="asked.type")} LIMIT 1"""  # noqa: S608  ours
    )
    return session.scalar(found, {"app": app_id, "kinds": list(kinds)}) is not None


def wanting(session: Session, app_ids: Collection[str], kind: EventType) -> set[str]:
    """Those of the apps of which anybody wants events of this type."""
    apps = text(
        f"""SELECT DISTINCT w.app_id FROM webhooks w
        WHERE w.app_id = ANY(:apps) AND {_WANTS.format(type=":kind")}"""  # noqa: S608  ours
    )
    return set(session.scalars(apps, {"apps": list(app_ids), "kind": kind}))


def record(  # noqa: PLR0913, PLR0917  an event is all of these
    session: Session,
    now: datetime,
    app_id: str,
    kind: EventType,
    data: dict[str, Any],
    conversation_id: str | None = None,
) -> None:
    """Write one event, if anybody wants it."""
    record_many(session, [Happened(app_id, kind, data, conversation_id)], now)


def record_many(session: Session, happened: Sequence[Happened], now: datetime | None = None) -> None:
    """Write those that anybody wants, in this order, in one statement; `now` is the database's unless given."""
    if not happened:
        return
    session.execute(
        text(f"""
        INSERT INTO events (app_id, type, conversation_id, data, created_at)
        SELECT h.app_id, h.type, h.conversation_id, CAST(h.data AS jsonb),
            coalesce(CAST(:now AS timestamptz), date_trunc('milliseconds', now()))
        FROM unnest(CAST(:apps AS text[]), CAST(:types AS text[]), CAST(:conversations AS text[]),
            CAST(:data AS text[])) WITH ORDINALITY AS h (app_id, type, conversation_id, data, i)
        WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.app_id = h.app_id AND {_WANTS.format(type="h.type")})
        ORDER BY h.i"""),  # noqa: S608  ours
        {
            "now": now,
            "apps": [each.app_id for each in happened],
            "types": [each.kind for each in happened],
            "conversations": [each.conversation_id for each in happened],
            "data": [msgspec.json.encode(each.data).decode() for each in happened],
        },
    )


def purge(session: Session, now: datetime, days: float) -> int:
    """Forget events that are older, and listeners who are gone; gives how many; call again until it gives 0."""
    session.execute(text("DELETE FROM webhooks WHERE until < :now"), {"now": now})
    forgotten = session.execute(
        text("""
        DELETE FROM events WHERE (app_id, id) IN (
            SELECT app_id, id FROM events WHERE created_at < :before AND told_at IS NOT NULL
            ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED) RETURNING 1"""),
        {"before": now - timedelta(days=days), "most": PURGED},
    )
    return len(forgotten.all())
