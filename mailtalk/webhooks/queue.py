"""Queues of deliveries, one per endpoint and conversation (or user): claimed by one live worker, sent in order.

In the database a queue is a row of `webhook_lanes`, and `lane` is its name. A delivery that failed too often moves to a
queue of its own (`lone`), so that it holds back no other event.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.workers import of_the_dead
from mailtalk.models import Webhook
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.fanout import LOCK

AT_ONCE = 4  # claimed queues of one endpoint over all workers; one while it fails, and one more for a lone delivery
RUN = 50  # deliveries read at once
_DUE = sql.fragment(Path(__file__).with_name("due_queues.sql").read_text("utf-8"))
_HAS_DUE = sql.statement("$due SELECT 1 FROM due LIMIT 1", due=_DUE)
_CLAIM = sql.load(__file__, "claim_queues", due=_DUE)
_RECOVER = text(f"""UPDATE webhook_lanes SET claim = NULL
    WHERE claim IS NOT NULL AND {of_the_dead("webhook_lanes", "claim IS NOT NULL")} RETURNING 1""")  # noqa: S608  ours


@dataclass(frozen=True, slots=True)
class ClaimedQueue:
    """A queue that a worker has claimed."""

    app_id: str
    webhook_id: str
    name: str
    claim: UUID

    @property
    def keys(self) -> dict[str, object]:
        """Its columns as parameters of a statement."""
        return {"app": self.app_id, "webhook": self.webhook_id, "queue": self.name, "claim": self.claim}


def has_due(session: Session, now: datetime) -> bool:
    """True if a queue may be claimed now."""
    return session.scalar(_HAS_DUE, {"now": now, "at_once": AT_ONCE}) is not None


def claim(session: Session, now: datetime, worker_id: int, limit: int) -> list[ClaimedQueue]:
    """Claim up to `limit` due queues, the first of every endpoint before the second of any."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock, 1)"), {"lock": LOCK})  # else two would claim too many
    rows = session.execute(_CLAIM, {"now": now, "worker": worker_id, "limit": limit, "at_once": AT_ONCE})
    return [ClaimedQueue(*row) for row in rows]


def next_deliveries(session: Session, queue: ClaimedQueue) -> tuple[Webhook | None, list[EventDelivery]]:
    """The endpoint and its next deliveries in order; no endpoint if the claim was lost."""
    claimed = text("SELECT 1 FROM webhook_lanes WHERE app_id = :app AND webhook_id = :webhook AND claim = :claim")
    if session.scalar(claimed, queue.keys) is None:
        return None, []
    rows = session.execute(
        text("""
        SELECT d.id, d.attempts, d.event_id, e.type, e.created_at, e.data, e.conversation_id, e.seq
        FROM webhook_deliveries d LEFT JOIN events e ON e.app_id = d.app_id AND e.id = d.event_id
        WHERE d.app_id = :app AND d.webhook_id = :webhook AND d.lane = :queue AND d.stage = 'queued'
        ORDER BY d.id LIMIT :run"""),
        queue.keys | {"run": RUN},
    )
    return session.get(Webhook, (queue.app_id, queue.webhook_id)), [EventDelivery(*row) for row in rows]


def release(session: Session, queue: ClaimedQueue) -> None:
    """Give the claim up; an empty queue is deleted."""
    keys = "app_id = :app AND webhook_id = :webhook AND lane = :queue AND claim = :claim"
    session.execute(text(f"DELETE FROM webhook_lanes WHERE {keys} AND pending <= 0"), queue.keys)  # noqa: S608  ours
    session.execute(text(f"UPDATE webhook_lanes SET claim = NULL WHERE {keys}"), queue.keys)  # noqa: S608  ours


def recover(session: Session) -> int:
    """Release the queues of dead workers, and return their number; the current delivery may be repeated."""
    return len(session.execute(_RECOVER).all())
