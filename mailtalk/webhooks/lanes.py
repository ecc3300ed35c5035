"""Lanes: what an endpoint is to be told of one conversation is claimed by a living worker, told in order, settled."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.deliveries import WORKER_LOCK
from mailtalk.mail import address
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind, EndpointStatus, Stage
from mailtalk.webhooks import endpoints, schedule
from mailtalk.webhooks.fanout import LOCK
from mailtalk.webhooks.post import BUSY, Answer
from mailtalk.webhooks.telling import Telling

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


log = logging.getLogger(__name__)


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


def settle(session: Session, now: datetime, lane: Lane, telling: Telling, answer: Answer) -> bool:
    """Record how a try went; False when the lane's next event must wait, or is no longer ours to tell."""
    if telling.type is None:
        return _end(session, now, lane, telling, Stage.CANCELLED, Answer(None, "the event is no longer kept"))
    if answer.is_pointless:
        return _end(session, now, lane, telling, Stage.CANCELLED, answer)
    if answer.is_done:
        return _end(session, now, lane, telling, Stage.SENT, answer) and _thrives(session, now, lane)
    return _fail(session, now, lane, telling, answer)


def release(session: Session, lane: Lane) -> None:
    """Let the lane go: it ends when nothing is left in it."""
    keys = "app_id = :app AND webhook_id = :webhook AND lane = :lane AND claim = :claim"
    session.execute(text(f"DELETE FROM webhook_lanes WHERE {keys} AND pending <= 0"), lane.keys)  # noqa: S608  ours
    session.execute(text(f"UPDATE webhook_lanes SET claim = NULL WHERE {keys}"), lane.keys)  # noqa: S608  ours


def recover(session: Session) -> int:
    """Free the lanes of dead workers; what they told last may be told again."""
    result = session.execute(
        text("""
        UPDATE webhook_lanes SET claim = NULL WHERE claim IS NOT NULL AND worker_id IN (
            SELECT worker_id FROM (
                SELECT DISTINCT worker_id FROM webhook_lanes WHERE claim IS NOT NULL OFFSET 0) AS held
            WHERE pg_try_advisory_xact_lock(:class, CAST(worker_id AS integer)))
        RETURNING 1"""),
        {"class": WORKER_LOCK},
    )
    return len(result.all())


def _end(session: Session, now: datetime, lane: Lane, telling: Telling, stage: Stage, answer: Answer) -> bool:  # noqa: PLR0913, PLR0917  how it ended
    mine = session.execute(
        text("""
        UPDATE webhook_lanes SET pending = pending - 1
        WHERE app_id = :app AND webhook_id = :webhook AND lane = :lane AND claim = :claim RETURNING 1"""),
        lane.keys,
    )
    if mine.one_or_none() is None:
        return False
    _write(session, now, lane, telling, answer, stage)
    return True


def _write(  # noqa: PLR0913, PLR0917  all that the log says of a try
    session: Session, now: datetime, lane: Lane, telling: Telling, answer: Answer, stage: Stage
) -> None:
    session.execute(
        text("""
        UPDATE webhook_deliveries SET stage = :stage, status = :status, reply = :reply, attempts = attempts + 1,
            tried_at = :now, ended_at = CASE WHEN :stage = 'queued' THEN NULL ELSE CAST(:now AS timestamptz) END
        WHERE app_id = :app AND id = :id AND stage = 'queued'"""),
        {
            "stage": stage,
            "status": answer.status,
            "reply": address.hidden(answer.text) or None,
            "now": now,
            "app": lane.app_id,
            "id": telling.id,
        },
    )


def _thrives(session: Session, now: datetime, lane: Lane) -> bool:
    """The endpoint takes events; after it was away for long, what waits for it need not wait on."""
    values = {"app": lane.app_id, "webhook": lane.webhook_id, "now": now}
    back = session.execute(
        text("""
        UPDATE webhooks w SET failing_since = NULL, rests_until = NULL, reason = NULL
        FROM webhooks before WHERE w.app_id = :app AND w.id = :webhook AND w.failing_since IS NOT NULL
            AND before.app_id = w.app_id AND before.id = w.id
        RETURNING before.failing_since"""),
        values,
    ).one_or_none()
    if back is not None and now - back.failing_since > timedelta(minutes=1):
        session.execute(
            text("""
            UPDATE webhook_lanes l SET not_before = :now
            FROM webhook_deliveries d WHERE l.app_id = :app AND l.webhook_id = :webhook AND l.claim IS NULL
                AND l.not_before > :now AND d.app_id = l.app_id AND d.webhook_id = l.webhook_id AND d.lane = l.lane
                AND d.stage = 'queued' AND d.tried_at IS NOT NULL AND (d.status IS NULL OR d.status = ANY(:busy))"""),
            values | {"busy": list(BUSY)},
        )
    return True


def _fail(session: Session, now: datetime, lane: Lane, telling: Telling, answer: Answer) -> bool:
    row = session.get(Webhook, (lane.app_id, lane.webhook_id), with_for_update=True)
    if row is None:
        return False
    if answer.is_gone and row.kind == EndpointKind.WEBHOOK:
        _write(session, now, lane, telling, answer, Stage.FAILED)
        _stop(row, EndpointStatus.DISABLED, "410: it says that it is gone")
        endpoints.cancel(session, now, row.app_id, row.id, "the endpoint is gone")
        return False
    row.failing_since = row.failing_since or now
    row.reason = address.hidden(f"{answer.status or ''} {answer.text}".strip())
    if answer.is_away:
        row.rests_until = now + schedule.rest(now - row.failing_since, answer.retry_after)
    if now - row.failing_since > schedule.PAUSED_AFTER:
        _stop(row, EndpointStatus.PAUSED, f"failing since {row.failing_since:%Y-%m-%d %H:%M} UTC: {row.reason}")
    elif telling.attempts + 1 >= schedule.TRIES:
        return _end(session, now, lane, telling, Stage.FAILED, answer)
    _write(session, now, lane, telling, answer, Stage.QUEUED)
    _put_off(session, lane, now + schedule.wait(telling.attempts + 1, answer.retry_after))
    return False


def _stop(row: Webhook, status: EndpointStatus, why: str) -> None:
    row.status, row.reason = status, why
    log.warning("%s %r of app %r is %s; see: mailtalk webhooks list", row.kind, row.id, row.app_id, status)


def _put_off(session: Session, lane: Lane, moment: datetime) -> None:
    session.execute(
        text("""
        UPDATE webhook_lanes SET not_before = :moment
        WHERE app_id = :app AND webhook_id = :webhook AND lane = :lane AND claim = :claim"""),
        lane.keys | {"moment": moment},
    )
