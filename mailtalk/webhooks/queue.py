"""Queues of deliveries, one per endpoint and conversation (or user): claimed by one live worker, sent in order.

In the database a queue is a row of `webhook_lanes`, and `lane` is its name. A delivery that failed too often moves to a
queue of its own (`lone`), so that it holds back no other event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.workers import of_the_dead
from mailtalk.models import Webhook
from mailtalk.webhooks import backoff
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.fanout import LOCK

AT_ONCE = 16  # claimed queues of one endpoint over all workers; one while it fails, and one more for a lone delivery
RUN = 50  # deliveries read at once
PULLED_BACK, TOLERANCE = 5_000, timedelta(minutes=1)
_DUE = sql.fragment(Path(__file__).with_name("due_queues.sql").read_text("utf-8"))
_HAS_DUE = sql.statement("$due SELECT 1 FROM due LIMIT 1", due=_DUE)
_CLAIM = sql.load(__file__, "claim_queues", due=_DUE)
# Queues of which the claim still holds.
_CLAIMED = """SELECT q.app_id, q.webhook_id, q.lane, q.claim
    FROM unnest(CAST(:apps AS text[]), CAST(:webhooks AS text[]), CAST(:names AS text[]), CAST(:claims AS uuid[]))
        AS given (app_id, webhook_id, lane, claim)
    JOIN webhook_lanes q USING (app_id, webhook_id, lane, claim)"""
_RECOVER = text(f"""UPDATE webhook_lanes SET claim = NULL
    WHERE claim IS NOT NULL AND {of_the_dead("webhook_lanes", "claim IS NOT NULL")} RETURNING 1""")  # noqa: S608  ours

_QUEUES_BACK = sql.statement("""
    UPDATE webhook_lanes SET not_before = :now WHERE (app_id, webhook_id, lane) IN (
        SELECT q.app_id, q.webhook_id, q.lane FROM webhook_lanes q
        WHERE q.claim IS NULL AND q.not_before > :now + :tolerance AND (q.not_before > :now + :tolerance + :longest
            OR (SELECT d.attempts FROM webhook_deliveries d WHERE d.app_id = q.app_id AND d.webhook_id = q.webhook_id
                AND d.lane = q.lane AND d.stage = $Stage.QUEUED ORDER BY d.id LIMIT 1) = 0)
        ORDER BY q.app_id, q.webhook_id, q.lane LIMIT :most FOR NO KEY UPDATE OF q SKIP LOCKED)
    RETURNING 1""")
_ENDPOINTS_BACK = text("""
    UPDATE webhooks SET rests_until = NULL WHERE rests_until > :now + :tolerance + :longest RETURNING 1""")

_NEXT = sql.load(__file__, "next_deliveries", claimed=_CLAIMED)
_RELEASE = sql.load(__file__, "release_queues", claimed=_CLAIMED)


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


class Run(NamedTuple):
    """A claimed queue, its endpoint, and its next deliveries in order."""

    queue: ClaimedQueue
    endpoint: Webhook
    deliveries: Sequence[EventDelivery]


def has_due(session: Session, now: datetime) -> bool:
    """True if a queue may be claimed now."""
    return session.scalar(_HAS_DUE, {"now": now, "at_once": AT_ONCE}) is not None


def claim(session: Session, now: datetime, worker_id: int, limit: int) -> list[ClaimedQueue]:
    """Claim up to `limit` due queues, the first of every endpoint before the second of any."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock, 1)"), {"lock": LOCK})  # else two would claim too many
    rows = session.execute(_CLAIM, {"now": now, "worker": worker_id, "limit": limit, "at_once": AT_ONCE})
    return [ClaimedQueue(*row) for row in rows]


def next_deliveries(session: Session, queues: Sequence[ClaimedQueue]) -> list[Run]:
    """The next deliveries of each queue; a queue without any, or whose claim was lost, is left out."""
    if not queues:
        return []
    by_claim = {queue.claim: queue for queue in queues}
    deliveries: dict[UUID, list[EventDelivery]] = {}
    for row in session.execute(_NEXT, _arrays(queues) | {"run": RUN}):
        deliveries.setdefault(row[0], []).append(EventDelivery(*row[1:]))
    rows = _endpoints(session, {(queue.app_id, queue.webhook_id) for queue in queues})
    runs = [(by_claim[claim], found) for claim, found in deliveries.items()]
    return [
        Run(queue, rows[queue.app_id, queue.webhook_id], found)
        for queue, found in runs
        if (queue.app_id, queue.webhook_id) in rows
    ]


def release(session: Session, queues: Sequence[ClaimedQueue]) -> None:
    """Give the claims up; empty queues are deleted."""
    if queues:
        session.execute(_RELEASE, _arrays(queues))


def recover(session: Session) -> int:
    """Release the queues of dead workers, and return their number; the current delivery may be repeated."""
    return len(session.execute(_RECOVER).all())


def pull_back(session: Session, now: datetime) -> int:
    """Make due what would wait longer than any retry, or without an attempt, as after a clock jumped; the number."""
    values = {"now": now, "tolerance": TOLERANCE, "longest": backoff.LONGEST_WAIT, "most": PULLED_BACK}
    return sum(len(session.execute(statement, values).all()) for statement in (_QUEUES_BACK, _ENDPOINTS_BACK))


def _endpoints(session: Session, keys: set[tuple[str, str]]) -> dict[tuple[str, str], Webhook]:
    rows = session.scalars(select(Webhook).where(tuple_(Webhook.app_id, Webhook.id).in_(keys)))
    return {(row.app_id, row.id): row for row in rows}


def _arrays(queues: Sequence[ClaimedQueue]) -> dict[str, object]:
    return {
        "apps": [queue.app_id for queue in queues],
        "webhooks": [queue.webhook_id for queue in queues],
        "names": [queue.name for queue in queues],
        "claims": [queue.claim for queue in queues],
    }
