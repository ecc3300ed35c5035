"""Result of an attempt: its consequence for the delivery, for the other events of its queue, and for the endpoint."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.mail import address
from mailtalk.models import Webhook
from mailtalk.vocabulary import EndpointKind, EndpointStatus, Stage
from mailtalk.webhooks import backoff, endpoints
from mailtalk.webhooks.delivery import EventDelivery
from mailtalk.webhooks.http_client import BUSY, HttpResult
from mailtalk.webhooks.queue import ClaimedQueue

OUTAGE = timedelta(minutes=1)  # after a longer one everything that failed in it is tried at once

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver, and its result."""

    queue: ClaimedQueue
    delivery: EventDelivery
    result: HttpResult
    at: datetime

    @property
    def keys(self) -> dict[str, object]:
        """Columns of queue and delivery as parameters of a statement."""
        return self.queue.keys | {"id": self.delivery.id, "now": self.at}


def record(session: Session, attempt: Attempt) -> bool:
    """Record an attempt; True if the next delivery of the queue may be sent at once, False if the claim was lost."""
    if attempt.delivery.type is None:
        return _end(session, attempt, Stage.CANCELLED, "the event is no longer kept")
    if attempt.result.is_pointless:
        return _end(session, attempt, Stage.CANCELLED)
    if attempt.result.is_success:
        return _end(session, attempt, Stage.SENT) and _recover_endpoint(session, attempt)
    return _fail(session, attempt)


def _end(session: Session, attempt: Attempt, stage: Stage, reply: str | None = None) -> bool:
    if not _leave_queue(session, attempt):
        return False
    _write(session, attempt, stage, reply)
    return True


def _leave_queue(session: Session, attempt: Attempt) -> bool:
    """Count the delivery out of its queue; False if the claim was lost."""
    claimed = session.execute(
        text("""
        UPDATE webhook_lanes SET pending = pending - 1
        WHERE app_id = :app AND webhook_id = :webhook AND lane = :queue AND claim = :claim RETURNING 1"""),
        attempt.keys,
    )
    return claimed.one_or_none() is not None


def _write(session: Session, attempt: Attempt, stage: Stage, reply: str | None = None) -> None:
    session.execute(
        text("""
        UPDATE webhook_deliveries SET stage = :stage, status = :status, reply = :reply, attempts = attempts + 1,
            tried_at = :now, ended_at = CASE WHEN :stage = 'queued' THEN NULL ELSE CAST(:now AS timestamptz) END
        WHERE app_id = :app AND id = :id AND stage = 'queued'"""),
        attempt.keys
        | {
            "stage": stage,
            "status": attempt.result.status,
            "reply": reply or address.hidden(attempt.result.text) or None,
        },
    )


def _recover_endpoint(session: Session, attempt: Attempt) -> bool:
    """End the endpoint's failing; after an outage the deliveries that failed in it are tried at once."""
    outage = session.execute(
        text("""
        UPDATE webhooks w SET failing_since = NULL, rests_until = NULL, reason = NULL
        FROM webhooks before WHERE w.app_id = :app AND w.id = :webhook AND w.failing_since IS NOT NULL
            AND before.app_id = w.app_id AND before.id = w.id
        RETURNING before.failing_since"""),
        attempt.keys,
    ).one_or_none()
    if outage is not None and attempt.at - outage.failing_since > OUTAGE:
        # Lone deliveries that failed before it began keep their schedule: they fail while others succeed.
        session.execute(
            text("""
            UPDATE webhook_lanes q SET not_before = :now
            FROM webhook_deliveries d WHERE q.app_id = :app AND q.webhook_id = :webhook AND q.claim IS NULL
                AND q.not_before > :now AND d.app_id = q.app_id AND d.webhook_id = q.webhook_id AND d.lane = q.lane
                AND d.stage = 'queued' AND d.tried_at IS NOT NULL
                AND (d.attempts < :holding_back OR d.created_at > :begun)
                AND (d.status IS NULL OR d.status = ANY(:busy))"""),
            attempt.keys
            | {"busy": list(BUSY), "begun": outage.failing_since - OUTAGE, "holding_back": backoff.HOLDING_BACK},
        )
    return True


def _fail(session: Session, attempt: Attempt) -> bool:
    endpoint = session.get(Webhook, (attempt.queue.app_id, attempt.queue.webhook_id), with_for_update=True)
    if endpoint is None:
        return False
    if attempt.result.is_gone and endpoint.kind == EndpointKind.WEBHOOK:
        return _disable(session, attempt, endpoint)
    _note_failure(endpoint, attempt)
    if attempt.at - (endpoint.failing_since or attempt.at) > backoff.PAUSED_AFTER:
        since = f"failing since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC"
        _stop(endpoint, EndpointStatus.PAUSED, f"{since}: {endpoint.reason}")
    elif attempt.delivery.attempts + 1 >= backoff.ATTEMPTS:
        return _end(session, attempt, Stage.FAILED)
    return _retry(session, attempt, endpoint)


def _disable(session: Session, attempt: Attempt, endpoint: Webhook) -> bool:
    _write(session, attempt, Stage.FAILED)
    _stop(endpoint, EndpointStatus.DISABLED, "it answered 410 Gone")
    endpoints.cancel(session, attempt.at, endpoint.app_id, endpoint.id, "the endpoint answered 410 Gone")
    return False


def _note_failure(endpoint: Webhook, attempt: Attempt) -> None:
    result = attempt.result
    endpoint.failing_since = endpoint.failing_since or attempt.at
    endpoint.reason = address.hidden(f"{result.status or ''} {result.text}".strip())
    if result.is_away:
        endpoint.rests_until = attempt.at + backoff.rest(attempt.at - endpoint.failing_since, result.retry_after)


def _stop(endpoint: Webhook, status: EndpointStatus, reason: str) -> None:
    endpoint.status, endpoint.reason = status, reason
    log.warning(
        "%s %r of app %r is %s; see: mailtalk webhooks list", endpoint.kind, endpoint.id, endpoint.app_id, status
    )


def _retry(session: Session, attempt: Attempt, endpoint: Webhook) -> bool:
    """Schedule the next attempt: at the head of the queue, or, after `HOLDING_BACK` attempts, in a queue of its own."""
    attempts = attempt.delivery.attempts + 1
    not_before = attempt.at + backoff.wait(attempts, attempt.result.retry_after)
    if endpoint.ordered or attempts < backoff.HOLDING_BACK or attempt.queue.name == _lone_queue(attempt):
        _write(session, attempt, Stage.QUEUED)
        _put_off(session, attempt, not_before)
        return False
    return _set_aside(session, attempt, not_before) and not attempt.result.is_away


def _put_off(session: Session, attempt: Attempt, not_before: datetime) -> None:
    session.execute(
        text("""
        UPDATE webhook_lanes SET not_before = :not_before
        WHERE app_id = :app AND webhook_id = :webhook AND lane = :queue AND claim = :claim"""),
        attempt.keys | {"not_before": not_before},
    )


def _set_aside(session: Session, attempt: Attempt, not_before: datetime) -> bool:
    """Move the delivery to a queue of its own, so that the later events of its conversation go on."""
    if not _leave_queue(session, attempt):
        return False
    _write(session, attempt, Stage.QUEUED)
    session.execute(
        text("""
        WITH lone AS (
            UPDATE webhook_deliveries SET lane = :lone WHERE app_id = :app AND id = :id AND stage = 'queued'
            RETURNING app_id, webhook_id, lane)
        INSERT INTO webhook_lanes (app_id, webhook_id, lane, pending, not_before, lone)
        SELECT app_id, webhook_id, lane, 1, :not_before, true FROM lone"""),
        attempt.keys | {"lone": _lone_queue(attempt), "not_before": not_before},
    )
    return True


def _lone_queue(attempt: Attempt) -> str:
    return f"d/{attempt.delivery.id:019}"  # sorts by age
