"""Events: what happened, written in the transaction that made it true, for webhooks and other pipelines."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mailtalk.models import Event
from mailtalk.vocabulary import EventType


def record(  # noqa: PLR0913, PLR0917  an event is all of these
    session: Session,
    now: datetime,
    app_id: str,
    kind: EventType,
    data: dict[str, Any],
    conversation_id: str | None = None,
) -> None:
    """Write one event; `data` is what its receivers see."""
    session.add(Event(app_id=app_id, type=kind, conversation_id=conversation_id, data=data, created_at=now))
