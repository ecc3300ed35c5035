"""Deliveries: claimed by a living worker, sent, settled; every step a conditional update with the claim."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.mail import address
from mailtalk.vocabulary import Stage

WORKER_LOCK = 0x4D54  # class of the advisory locks that are workers' lives
BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 120, 240))
GIVE_UP = timedelta(hours=48)
RELAY_AWAY = timedelta(seconds=10)
REPLY_LIMIT = 500  # characters of the relay's answer that are kept


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in a worker's hand."""

    app_id: str
    id: UUID
    claim: UUID
    address: str
    body_sealed: bytes
    attempts: int
    created_at: datetime


def seal_name(delivery_id: UUID) -> str:
    """What binds the sealed bytes to their row."""
    return f"delivery/{delivery_id}"


def claim(session: Session, now: datetime, worker_id: int, limit: int) -> list[Claimed]:
    """Take deliveries that are due; nobody else takes them while this worker lives."""
    rows = session.execute(
        text("""
        UPDATE deliveries SET stage = 'claimed', claim = gen_random_uuid(), worker_id = :worker, attempts = attempts + 1
        WHERE (app_id, id) IN (
            SELECT app_id, id FROM deliveries
            WHERE stage IN ('queued', 'deferred', 'unknown') AND not_before <= :now
            ORDER BY not_before LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING app_id, id, claim, address, body_sealed, attempts, created_at"""),
        {"worker": worker_id, "now": now, "limit": limit},
    )
    return [Claimed(*row) for row in rows]


def sending(session: Session, claimed: Claimed) -> bool:
    """Say that the final dot is about to be sent; False when the claim was lost: then it must not be."""
    return _move(session, claimed, (Stage.CLAIMED,), "stage = 'sending'", {})


def settle(session: Session, now: datetime, claimed: Claimed, stage: Stage, reply: str) -> bool:
    """Record how it went: SENT, CAPTURED, FAILED, DEFERRED (with back-off), UNKNOWN or QUEUED (nothing was tried)."""
    if stage in {Stage.DEFERRED, Stage.UNKNOWN} and now - claimed.created_at > GIVE_UP:
        stage, reply = Stage.FAILED, f"given up after {GIVE_UP}: {reply}"
    ended = stage in {Stage.SENT, Stage.CAPTURED, Stage.FAILED}
    assignments = "stage = :stage, reply = :reply, not_before = :later, ended_at = :ended, attempts = :attempts"
    values = {
        "stage": stage,
        "reply": address.hidden(reply)[:REPLY_LIMIT],
        "later": now + wait(stage, claimed.attempts),
        "ended": now if ended else None,
        "attempts": claimed.attempts - (stage is Stage.QUEUED),
    }
    return _move(session, claimed, (Stage.CLAIMED, Stage.SENDING), assignments, values)


def wait(stage: Stage, attempts: int) -> timedelta:
    """How long until the next try."""
    if stage is Stage.QUEUED:
        return RELAY_AWAY
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1] * random.uniform(0.8, 1.2)


def recover(session: Session) -> int:
    """Free what dead workers had in hand: claimed ones were not sent, of sending ones nobody knows."""
    result = session.execute(
        text("""
        UPDATE deliveries SET claim = NULL, stage = CASE stage WHEN 'claimed' THEN 'queued' ELSE 'unknown' END
        WHERE stage IN ('claimed', 'sending') AND worker_id IN (
            SELECT worker_id FROM (
                SELECT DISTINCT worker_id FROM deliveries WHERE stage IN ('claimed', 'sending') OFFSET 0) AS held
            WHERE pg_try_advisory_xact_lock(:class, CAST(worker_id AS integer)))
        RETURNING 1"""),
        {"class": WORKER_LOCK},
    )
    return len(result.all())


def _move(
    session: Session, claimed: Claimed, stages: Sequence[Stage], assignments: str, values: dict[str, object]
) -> bool:
    statement = f"""UPDATE deliveries SET {assignments}
        WHERE app_id = :app AND id = :id AND claim = :claim AND stage = ANY(:stages) RETURNING 1"""  # noqa: S608  ours
    keys = {"app": claimed.app_id, "id": claimed.id, "claim": claimed.claim, "stages": list(stages)}
    return session.execute(text(statement), keys | values).one_or_none() is not None
