"""What is told to other programs: events, the webhooks that want them, and how each telling went."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mailtalk.models.base import Base, Json


class Event(Base):
    """Something that happened, written in the transaction that made it true.

    `seq` counts a conversation's events in the order in which they are told; it is given after the commit.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_untold", "id", postgresql_where=text("told_at IS NULL")),
        Index(None, "app_id", "conversation_id", "seq"),
        Index(None, "created_at"),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    type: Mapped[str]
    conversation_id: Mapped[str | None]
    seq: Mapped[int | None]
    data: Mapped[Json]
    created_at: Mapped[datetime]
    told_at: Mapped[datetime | None]  # when it was handed to the webhooks


class Webhook(Base):
    """An endpoint of an app; its secret is sealed, because signing needs it."""

    __tablename__ = "webhooks"

    app_id: Mapped[str] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    secret_sealed: Mapped[bytes]
    events: Mapped[list[str] | None]
    status: Mapped[str] = mapped_column(server_default="active")
    reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    created_at: Mapped[datetime]


class WebhookDelivery(Base):
    """One event for one webhook, and how telling it went."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_due", "app_id", "webhook_id", "id", postgresql_where=text("stage = 'queued'")),
        Index("ix_webhook_deliveries_held", "worker_id", postgresql_where=text("stage = 'claimed'")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    webhook_id: Mapped[str]
    event_id: Mapped[int]
    conversation_id: Mapped[str | None]
    stage: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime]
    claim: Mapped[UUID | None]
    worker_id: Mapped[int | None]
    status: Mapped[int | None]
    reply: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
