"""Settling: how a try went is recorded, and what that means for the lane and for the endpoint."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.mail import address
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind, EndpointStatus, Stage
from mailtalk.webhooks import backoff, endpoints
from mailtalk.webhooks.delivery import Telling
from mailtalk.webhooks.http_client import BUSY, Answer
from mailtalk.webhooks.queue import Lane

log = logging.getLogger(__name__)


def settle(session: Session, now: datetime, lane: Lane, telling: Telling, answer: Answer) -> bool:
    """Record how a try went; False when the lane's next event must wait, or is no longer ours to tell."""
    if telling.type is None:
        return _end(session, now, lane, telling, Stage.CANCELLED, Answer(None, "the event is no longer kept"))
    if answer.is_pointless:
        return _end(session, now, lane, telling, Stage.CANCELLED, answer)
    if answer.is_done:
        return _end(session, now, lane, telling, Stage.SENT, answer) and _thrives(session, now, lane)
    return _fail(session, now, lane, telling, answer)


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
        row.rests_until = now + backoff.rest(now - row.failing_since, answer.retry_after)
    if now - row.failing_since > backoff.PAUSED_AFTER:
        _stop(row, EndpointStatus.PAUSED, f"failing since {row.failing_since:%Y-%m-%d %H:%M} UTC: {row.reason}")
    elif telling.attempts + 1 >= backoff.TRIES:
        return _end(session, now, lane, telling, Stage.FAILED, answer)
    _write(session, now, lane, telling, answer, Stage.QUEUED)
    _put_off(session, lane, now + backoff.wait(telling.attempts + 1, answer.retry_after))
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
