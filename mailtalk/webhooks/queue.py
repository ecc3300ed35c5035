"""Lanes: what an endpoint is to be told of one conversation, or one user, is claimed by a living worker, in order."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db.workers import of_the_dead
from mailtalk.models import Webhook
from mailtalk.webhooks.delivery import Telling
from mailtalk.webhooks.fanout import LOCK

AT_ONCE = 4  # lanes of one endpoint, of all workers; one while it fails
RUN = 50  # deliveries that are read at once
# The endpoints that have something to be told, found by a few steps over the index, however much waits for each.
_BUSY = """WITH RECURSIVE busy AS (
    (SELECT app_id, webhook_id FROM webhook_lanes WHERE claim IS NULL ORDER BY app_id, webhook_id LIMIT 1)
    UNION ALL
    SELECT next.app_id, next.webhook_id FROM busy CROSS JOIN LATERAL (
        SELECT app_id, webhook_id FROM webhook_lanes l WHERE claim IS NULL
            AND (l.app_id, l.webhook_id) > (busy.app_id, busy.webhook_id)
        ORDER BY app_id, webhook_id LIMIT 1) AS next),
free AS (
    SELECT w.app_id, w.id, CASE WHEN w.failing_since IS NULL THEN :at_once ELSE 1 END - (
        SELECT count(*) FROM webhook_lanes h WHERE h.app_id = w.app_id AND h.webhook_id = w.id
            AND h.claim IS NOT NULL) AS places
    FROM busy JOIN webhooks w ON w.app_id = busy.app_id AND w.id = busy.webhook_id
    WHERE w.status = 'active' AND (w.rests_until IS NULL OR w.rests_until <= :now)),
due AS (
    SELECT l.app_id, l.webhook_id, l.lane, l.place FROM free CROSS JOIN LATERAL (
        SELECT app_id, webhook_id, lane, row_number() OVER (ORDER BY not_before, lane) AS place
        FROM webhook_lanes WHERE app_id = free.app_id AND webhook_id = free.id AND claim IS NULL AND not_before <= :now
        ORDER BY not_before, lane LIMIT :at_once) AS l
    WHERE l.place <= free.places)"""

_RECOVER = text(f"""UPDATE webhook_lanes SET claim = NULL
    WHERE claim IS NOT NULL AND {of_the_dead("webhook_lanes", "claim IS NOT NULL")} RETURNING 1""")  # noqa: S608  ours


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane in a worker's hand."""

    app_id: str
    webhook_id: str
    lane: str
    claim: UUID

    @property
    def keys(self) -> dict[str, object]:
        """As the statements take it."""
        return {"app": self.app_id, "webhook": self.webhook_id, "lane": self.lane, "claim": self.claim}


def waits(session: Session, now: datetime) -> bool:
    """Whether a lane may be claimed now."""
    found = text(f"{_BUSY} SELECT 1 FROM due LIMIT 1")  # noqa: S608  ours
    return session.scalar(found, {"now": now, "at_once": AT_ONCE}) is not None


def claim(session: Session, now: datetime, worker_id: int, limit: int) -> list[Lane]:
    """Take lanes that are due, the first of each endpoint before the second of any; of each endpoint only so many."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock, 1)"), {"lock": LOCK})  # else two would take too many
    rows = session.execute(
        text(f"""{_BUSY}
        UPDATE webhook_lanes l SET claim = gen_random_uuid(), worker_id = :worker
        FROM (SELECT app_id, webhook_id, lane FROM due ORDER BY place, random() LIMIT :limit) AS mine
        WHERE l.app_id = mine.app_id AND l.webhook_id = mine.webhook_id AND l.lane = mine.lane AND l.claim IS NULL
        RETURNING l.app_id, l.webhook_id, l.lane, l.claim"""),  # noqa: S608  ours
        {"now": now, "worker": worker_id, "limit": limit, "at_once": AT_ONCE},
    )
    return [Lane(*row) for row in rows]


def run(session: Session, lane: Lane) -> tuple[Webhook | None, list[Telling]]:
    """The endpoint, and what it is to be told next, in order; no endpoint: the claim was lost."""
    mine = text("SELECT 1 FROM webhook_lanes WHERE app_id = :app AND webhook_id = :webhook AND claim = :claim")
    if session.scalar(mine, lane.keys) is None:
        return None, []
    rows = session.execute(
        text("""
        SELECT d.id, d.attempts, d.event_id, e.type, e.created_at, e.data, e.conversation_id, e.seq
        FROM webhook_deliveries d LEFT JOIN events e ON e.app_id = d.app_id AND e.id = d.event_id
        WHERE d.app_id = :app AND d.webhook_id = :webhook AND d.lane = :lane AND d.stage = 'queued'
        ORDER BY d.id LIMIT :run"""),
        lane.keys | {"run": RUN},
    )
    return session.get(Webhook, (lane.app_id, lane.webhook_id)), [Telling(*row) for row in rows]


def release(session: Session, lane: Lane) -> None:
    """Let the lane go: it ends when nothing is left in it."""
    keys = "app_id = :app AND webhook_id = :webhook AND lane = :lane AND claim = :claim"
    session.execute(text(f"DELETE FROM webhook_lanes WHERE {keys} AND pending <= 0"), lane.keys)  # noqa: S608  ours
    session.execute(text(f"UPDATE webhook_lanes SET claim = NULL WHERE {keys}"), lane.keys)  # noqa: S608  ours


def recover(session: Session) -> int:
    """Free the lanes of dead workers; what they told last may be told again."""
    return len(session.execute(_RECOVER).all())
