"""Bounces: what mail servers and readers say of our mails, for the address, the webhooks and the log."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.screening.dsn import Failure
from mailtalk.models import Delivery, InboundMail
from mailtalk.outbound import deliveries, suppressions
from mailtalk.vocabulary import Suspicion, Verdict

_OURS = re.compile(r"<n\.([0-9a-f]{32})@")


def hear(session: Session, now: datetime, row: InboundMail, reading: Reading, suppress: timedelta) -> str | None:
    """Take what a bounce or a complaint says of one of our mails, for the operator in a word; None: of none of ours."""
    delivery = attribute(session, row, reading)
    if delivery is None:
        return None
    if reading.verdict is Verdict.COMPLAINT:
        return _complained(session, now, delivery)
    return _failed(session, now, delivery, reading.failures, suppress)


def attribute(session: Session, row: InboundMail, reading: Reading) -> Delivery | None:
    """Note whose mail of ours this is about, so that the app sees it; None when it is about none."""
    delivery = _told_of(session, row, reading)
    if delivery is not None:
        row.delivery_id = delivery.id
        if row.app_id is None:
            row.app_id, row.conversation_id, row.user_id = delivery.app_id, delivery.conversation_id, delivery.user_id
    return delivery


def _told_of(session: Session, row: InboundMail, reading: Reading) -> Delivery | None:
    """By the envelope sender that it came to, else by the Message-ID of the mail that it gives back or answers."""
    ids = [row.delivery_id] if row.delivery_id else _named(filter(None, (reading.returned, *reading.answers)))
    query = select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.created_at.desc()).limit(1)
    if row.app_id is not None:
        query = query.where(Delivery.app_id == row.app_id, Delivery.user_id == row.user_id)
    return session.scalar(query.with_for_update()) if ids else None


def _named(message_ids: Iterable[str]) -> list[UUID]:
    return [UUID(found[1]) for found in map(_OURS.match, message_ids) if found]


def _complained(session: Session, now: datetime, delivery: Delivery) -> str:
    """Whoever calls our mail spam gets none any more, until they want it again."""
    suppressions.suppress(session, now, delivery.app_id, delivery.address, Suspicion.COMPLAINED, None, timedelta())
    return _tell(session, now, delivery, "complaint", None)


def _failed(
    session: Session, now: datetime, delivery: Delivery, failures: Iterable[Failure], suppress: timedelta
) -> str:
    worst = max(failures, key=lambda failure: failure.hard, default=None)
    if worst is None:
        return "nothing-failed"
    if delivery.bounced_at is None:
        suppressions.note(session, now, delivery.app_id, delivery.address, worst.status, suppress, dead=worst.hard)
    return _tell(session, now, delivery, "hard" if worst.hard else "soft", worst.status)


def _tell(session: Session, now: datetime, delivery: Delivery, kind: str, status: str | None) -> str:
    """One event for each mail, however often it is said to have failed."""
    if delivery.bounced_at is not None:
        return f"{kind}, told before"
    delivery.bounced_at = now
    deliveries.bounced(session, now, delivery, kind, status)
    return f"{kind} {status or ''}".strip()
