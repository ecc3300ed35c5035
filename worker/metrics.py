"""Metrics of this process, counted where the work is done; `cli/metrics.py` serves them to Prometheus.

Names and labels are what the dashboard and the alert rules in deploy/ use; labels have few values, and none is a
person's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from prometheus_client import Counter, Histogram
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.changes.log import Ended
from mailtalk.db import step_times
from mailtalk.db.group_commit import Batches
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.decision import Decision
from mailtalk.outbound.smtp_replies import SendResult
from mailtalk.webhooks.http_client import HttpResult

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
REQUESTS = SECONDS[:11]  # of HTTP: fewer, since there are many routes
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

COMMITS = Counter("mailtalk_commits", "Transactions committed by way of the connection pool.")
BATCHES = Histogram("mailtalk_batch_seconds", "Time to work on one batch of a queue.", ["queue"], buckets=SECONDS)
ITEMS = Counter("mailtalk_batch_items", "Items in these batches.", ["queue"])
GROUPS = Histogram("mailtalk_group_commit_items", "Items that were committed together.", buckets=SIZES)
LATENCY = Histogram("mailtalk_latency_seconds", "Time that an item waited for its step.", ["queue"], buckets=SECONDS)
CHANGES = Counter("mailtalk_changes", "Participation changes, by status.", ["status"])
INBOUND = Counter("mailtalk_inbound_mails", "Inbound mails, by outcome and verdict.", ["outcome", "verdict"])
ATTEMPTS = Counter("mailtalk_delivery_attempts", "Attempts to send a mail, by the stage after it.", ["stage"])
RELAY_REPLIES = Counter("mailtalk_relay_replies", "Relays' replies, by verb and class.", ["verb", "reply"])
WEBHOOKS = Counter("mailtalk_webhook_attempts", "Attempts to send an event, by the class of the answer.", ["answer"])
BELLS = Counter("mailtalk_bells", "Bells to workers: rung, or lost because the broker did not answer.", ["result"])
RELEASED = Counter("mailtalk_released", "Items of dead workers, given back to their queue.", ["queue"])
HTTP_LABELS = ["route", "method", "status"]
HTTP = Histogram("mailtalk_http_seconds", "HTTP requests, by these labels.", HTTP_LABELS, buckets=REQUESTS)
SMTP_REPLIES = Counter("mailtalk_smtp_replies", "Replies of the SMTP bridge, by code.", ["code"])


def watch_database() -> None:
    """Count commits and group commits from now on."""
    event.listen(Engine, "commit", _committed)
    Batches.observe = staticmethod(GROUPS.observe)


def _committed(_connection: Any) -> None:
    COMMITS.inc()


@contextmanager
def batch(queue: str) -> Iterator[None]:
    """Measure the work on one batch."""
    with BATCHES.labels(queue).time():
        yield


def stepped(session: Session) -> None:
    """Measure how long the items of a committed transaction had waited for it."""
    now = clock.now()
    for queue, times in step_times.noted(session).items():
        latency = LATENCY.labels(queue)
        for since in times:
            latency.observe(max((now - since).total_seconds(), 0))


def changed(ended: Sequence[Ended]) -> None:
    """Count applied, rejected and failed changes."""
    ITEMS.labels("changes").inc(len(ended))
    for change in ended:
        CHANGES.labels(change.status).inc()


def decided(mails: Sequence[tuple[ClaimedMail, Decision, Any]]) -> None:
    """Count inbound mails by their outcomes, and measure the time since they arrived."""
    now = clock.now()
    ITEMS.labels("inbound").inc(len(mails))
    for mail, decision, _ in mails:
        INBOUND.labels(decision.outcome, decision.verdict or "").inc()
        LATENCY.labels("inbound").observe((now - mail.received_at).total_seconds())


def sent(result: SendResult, made_at: datetime) -> None:
    """Count an attempt to send a mail, and measure the time since it was made if it was sent."""
    ATTEMPTS.labels(result.stage).inc()
    if result.reply is not None:
        code = result.reply.code
        RELAY_REPLIES.labels(result.reply.verb, f"{code // 100}xx" if code > 0 else "none").inc()
    if result.stage == "sent":
        LATENCY.labels("deliveries").observe((clock.now() - made_at).total_seconds())


def delivered(result: HttpResult, recorded_at: datetime | None) -> None:
    """Count an attempt to send an event to an endpoint, and measure the time since it was recorded if it was taken."""
    WEBHOOKS.labels(f"{result.status // 100}xx" if result.status else "none").inc()
    if result.is_success and recorded_at is not None:
        LATENCY.labels("webhooks").observe((clock.now() - recorded_at).total_seconds())
