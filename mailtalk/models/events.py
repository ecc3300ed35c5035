"""Events, the endpoints that receive them, and the queues and log of deliveries."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mailtalk.models.base import Base, Json


class Event(Base):
    """Event, recorded in the transaction that made it true.

    `seq` numbers a conversation's events in the order of delivery; it is assigned after the commit.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_untold", "id", postgresql_where=text("told_at IS NULL")),
        Index("ix_events_queue", "app_id", "id", postgresql_where=text("told_at IS NULL")),
        Index(None, "created_at"),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    type: Mapped[str]
    conversation_id: Mapped[str | None]
    seq: Mapped[int | None]
    data: Mapped[Json]
    created_at: Mapped[datetime]
    told_at: Mapped[datetime | None]  # when its deliveries were queued


class EventCount(Base):
    """The last seq of a conversation's events; survives the purge of events and the deletion of the conversation."""

    __tablename__ = "event_counts"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class Webhook(Base):
    """Endpoint for an app's events. `secret_sealed` is a webhook's secret or a channel's URL."""

    __tablename__ = "webhooks"

    app_id: Mapped[str] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(server_default="webhook")
    url: Mapped[str]  # of a channel, the scheme only
    secret_sealed: Mapped[bytes]
    secret_since: Mapped[datetime]
    old_secret_sealed: Mapped[bytes | None]
    events: Mapped[list[str] | None]  # null: all
    status: Mapped[str] = mapped_column(server_default="active")
    reason: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    rests_until: Mapped[datetime | None]  # no requests before this: it was not available, or asked to wait
    ordered: Mapped[bool] = mapped_column(server_default="false")  # a failing delivery holds back its conversation
    until: Mapped[datetime | None]  # expiry of a listener, which may disappear without notice
    created_at: Mapped[datetime]


class WebhookQueue(Base):
    """Queue of one endpoint's deliveries about one conversation or one user: sent in order, by one worker at a time.

    `lane` is its name; a `lone` queue holds one delivery that failed too often to hold back others.
    """

    __tablename__ = "webhook_lanes"
    __table_args__ = (
        Index(
            "ix_webhook_lanes_due",
            "app_id",
            "webhook_id",
            "lone",
            "not_before",
            "lane",
            postgresql_where=text("claim IS NULL"),
        ),
        Index("ix_webhook_lanes_held", "app_id", "webhook_id", postgresql_where=text("claim IS NOT NULL")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)
    pending: Mapped[int]
    not_before: Mapped[datetime]
    claim: Mapped[UUID | None]
    worker_id: Mapped[int | None]
    lone: Mapped[bool] = mapped_column(server_default="false")


class WebhookDelivery(Base):
    """Delivery of one event to one endpoint, with the result of its last attempt."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "ix_webhook_deliveries_queue",
            "app_id",
            "webhook_id",
            "lane",
            "id",
            postgresql_where=text("stage = 'queued'"),
        ),
        Index("ix_webhook_deliveries_log", "app_id", "webhook_id", "id"),
        Index(None, "created_at"),
        Index(None, "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        Index("ix_webhook_deliveries_failed", "ended_at", postgresql_where=text("stage = 'failed'")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    webhook_id: Mapped[str]
    event_id: Mapped[int]
    lane: Mapped[str]
    stage: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[int | None]
    reply: Mapped[str | None]
    created_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
