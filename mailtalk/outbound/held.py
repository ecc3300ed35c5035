"""Held deliveries: the reply to their final dot was lost, and an operator decides whether to send them again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailtalk.models import Delivery
from mailtalk.vocabulary import Stage


def listed(session: Session, app_id: str, limit: int) -> Sequence[Delivery]:
    """Held deliveries of an app, oldest first."""
    query = select(Delivery).where(Delivery.app_id == app_id, Delivery.stage == Stage.HELD)
    return session.scalars(query.order_by(Delivery.created_at).limit(limit)).all()


def send(session: Session, now: datetime, app_id: str, delivery_id: UUID | None) -> int:
    """Queue one held delivery, or all of the app, again with the same bytes; returns the number."""
    return _end(session, app_id, delivery_id, {"stage": Stage.QUEUED, "not_before": now, "claim": None})


def drop(session: Session, now: datetime, app_id: str, delivery_id: UUID | None) -> int:
    """Cancel one held delivery, or all of the app; returns the number."""
    return _end(session, app_id, delivery_id, {"stage": Stage.CANCELLED, "reply": "by the operator", "ended_at": now})


def _end(session: Session, app_id: str, delivery_id: UUID | None, values: dict[str, object]) -> int:
    held = update(Delivery).where(Delivery.app_id == app_id, Delivery.stage == Stage.HELD)
    if delivery_id is not None:
        held = held.where(Delivery.id == delivery_id)
    return len(session.execute(held.values(values).returning(Delivery.id)).all())
