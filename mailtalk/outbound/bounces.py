"""Bounces and complaints about our mails: noted against the address, told to webhooks, summed up for the log."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.events import record as events
from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.screening.dsn import Failure
from mailtalk.models import Delivery, InboundMail
from mailtalk.outbound import delivery_events, suppressions
from mailtalk.outbound.suppressions import Refusal
from mailtalk.vocabulary import Suspicion, Verdict

_OURS = re.compile(r"<n\.([0-9a-f]{32})@")


def hear(session: Session, now: datetime, row: InboundMail, reading: Reading, suppress: timedelta) -> str | None:
    """Process a bounce or a complaint; a summary for the operator, None if it is about no mail of ours."""
    delivery = attribute(session, row, reading)
    if delivery is None:
        return None
    if reading.verdict is Verdict.COMPLAINT:
        return _complained(session, now, delivery)
    return _failed(session, now, delivery, reading.failures, suppress)


def attribute(session: Session, row: InboundMail, reading: Reading) -> Delivery | None:
    """Find the delivery that a report is about and set it in the row, for the app to see; None if there is none."""
    delivery = _reported(session, row, reading)
    if delivery is not None:
        row.delivery_id = delivery.id
        if row.app_id is None:
            row.app_id, row.conversation_id, row.user_id = delivery.app_id, delivery.conversation_id, delivery.user_id
    return delivery


def _reported(session: Session, row: InboundMail, reading: Reading) -> Delivery | None:
    """Find it by the envelope sender (VERP) that the report came to, else by the Message-ID it returns or refers to."""
    ids = [row.delivery_id] if row.delivery_id else _delivery_ids(filter(None, (reading.returned, *reading.answers)))
    query = select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.created_at.desc()).limit(1)
    if row.app_id is not None:
        query = query.where(Delivery.app_id == row.app_id, Delivery.user_id == row.user_id)
    return session.scalar(query.with_for_update()) if ids else None


def _delivery_ids(message_ids: Iterable[str]) -> list[UUID]:
    return [UUID(match[1]) for match in map(_OURS.match, message_ids) if match]


def _complained(session: Session, now: datetime, delivery: Delivery) -> str:
    """Suppress the address of a reader who reported spam, until it is released."""
    suppressions.suppress(session, now, delivery.app_id, delivery.address, Suspicion.COMPLAINED, None, timedelta())
    return _record(session, now, delivery, "complaint", None)


def _failed(
    session: Session, now: datetime, delivery: Delivery, failures: Iterable[Failure], suppress: timedelta
) -> str:
    worst = max(failures, key=lambda failure: failure.hard, default=None)
    if worst is None:
        return "nothing-failed"
    if delivery.bounced_at is None:
        refusal = Refusal(delivery.app_id, delivery.address, worst.status, dead=worst.hard)
        suppressions.note(session, now, [refusal], suppress)
    return _record(session, now, delivery, "hard" if worst.hard else "soft", worst.status)


def _record(session: Session, now: datetime, delivery: Delivery, kind: str, status: str | None) -> str:
    """Record one event for each mail, however many reports of its failure come."""
    if delivery.bounced_at is not None:
        return f"{kind}, told before"
    delivery.bounced_at = now
    if event := delivery_events.bounced(delivery, kind, status):
        events.record_many(session, [event], now)
    return f"{kind} {status or ''}".strip()
