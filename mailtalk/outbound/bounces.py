"""Bounces and complaints: the delivery that a report is about, and its effect on suppressions and webhooks."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.events import record as events
from mailtalk.mail.reader.reading import Reading
from mailtalk.models import Delivery
from mailtalk.outbound import delivery_events, suppressions
from mailtalk.outbound.suppressions import Refusal
from mailtalk.vocabulary import Verdict

HARD, SOFT, COMPLAINT = "hard", "soft", "complaint"
_OURS = re.compile(r"<?n\.([0-9a-f]{32})@")


class Report(NamedTuple):
    """Report by a mail server or a reader about a delivery: `kind` is hard, soft or complaint.

    `is_first`: no failure of the delivery was reported before.
    """

    delivery: Delivery
    kind: str
    status: str | None
    is_first: bool


def named(reading: Reading) -> list[UUID]:
    """Deliveries that a mail may be about, by the Message-IDs of the mail that it returns or answers."""
    message_ids = filter(None, (reading.returned, *reading.answers))
    return [delivery_id for delivery_id in map(of_message_id, message_ids) if delivery_id]


def of_message_id(message_id: str) -> UUID | None:
    """Delivery of a Message-ID that we gave, with or without its brackets; None for another."""
    match = _OURS.match(message_id)
    return UUID(match[1]) if match else None


def lock(session: Session, delivery_ids: Iterable[UUID]) -> list[Delivery]:
    """Deliveries by id, newest first, locked in the order of their ids."""
    query = select(Delivery).where(Delivery.id.in_(list(delivery_ids))).order_by(Delivery.id)
    found = session.scalars(query.with_for_update()).all()
    return sorted(found, key=lambda delivery: delivery.created_at, reverse=True)


def judge(delivery: Delivery, reading: Reading, *, was_reported: bool) -> tuple[str, Report | None]:
    """Interpret a bounce or complaint: a reason for the operator's log, and the report.

    No report if nothing failed.
    """
    worst = max(reading.failures, key=lambda failure: failure.hard, default=None)
    if reading.verdict is Verdict.COMPLAINT:
        kind, status = COMPLAINT, None
    elif worst is None:
        return "nothing-failed", None
    else:
        kind, status = HARD if worst.hard else SOFT, worst.status
    word = f"{kind}, told before" if was_reported else f"{kind} {status or ''}".strip()
    return word, Report(delivery, kind, status, is_first=not was_reported)


def write(session: Session, now: datetime, reports: Sequence[Report], suppress: timedelta) -> None:
    """Suppress and score addresses, mark the deliveries, and record one event per report."""
    first = [report for report in reports if report.is_first]
    complaints = [report.delivery for report in reports if report.kind == COMPLAINT]
    suppressions.complained(session, now, [(delivery.app_id, delivery.address) for delivery in complaints])
    suppressions.note(session, now, [_refusal(report) for report in first if report.kind != COMPLAINT], suppress)
    for report in first:
        report.delivery.bounced_at = now
    told = (delivery_events.bounced(report.delivery, report.kind, report.status) for report in first)
    events.record_many(session, [event for event in told if event], now)


def _refusal(report: Report) -> Refusal:
    return Refusal(report.delivery.app_id, report.delivery.address, report.status, dead=report.kind == HARD)
