"""Mails that came in, and those that go out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mailtalk.models.base import Base


class RawMail(Base):
    """A mail as it came, sealed: it holds inbound addresses. One row, however many recipients."""

    __tablename__ = "raw_mails"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sealed: Mapped[bytes]
    mail_from: Mapped[str]
    received_at: Mapped[datetime]


class InboundMail(Base):
    """A mail to one of our addresses and what became of it; postmaster's has no app."""

    __tablename__ = "inbound_mails"
    __table_args__ = (
        Index("ix_inbound_mails_received", "participation_id", "id", postgresql_where=text("outcome = 'received'")),
        Index(
            "uq_inbound_mails_posted",
            "participation_id",
            "fingerprint",
            unique=True,
            postgresql_where=text("outcome = 'posted'"),
        ),
        Index(None, "app_id", "conversation_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    raw_id: Mapped[int] = mapped_column(ForeignKey("raw_mails.id"))
    app_id: Mapped[str | None]
    conversation_id: Mapped[str | None]
    user_id: Mapped[str | None]
    participation_id: Mapped[UUID | None]
    generation: Mapped[int | None]
    purpose: Mapped[str]
    outcome: Mapped[str] = mapped_column(server_default="received")
    reason: Mapped[str | None]
    fingerprint: Mapped[bytes | None]
    message_id: Mapped[str | None]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime | None]


class Notification(Base):
    """What one participant is to be told; at most one is open for each."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index(
            "uq_notifications_open",
            "app_id",
            "conversation_id",
            "user_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_notifications_due", "not_before", postgresql_where=text("status = 'open'")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    conversation_id: Mapped[str]
    user_id: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="open")
    reason: Mapped[str | None]
    from_seq: Mapped[int]
    not_before: Mapped[datetime]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Delivery(Base):
    """One mail to one address: its bytes are frozen and sealed when it is made, so every retry is equal."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "not_before", postgresql_where=text("stage IN ('queued', 'deferred', 'unknown')")),
        Index("ix_deliveries_held", "worker_id", postgresql_where=text("stage IN ('claimed', 'sending')")),
        Index(None, "app_id", "conversation_id", "user_id"),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[int]
    conversation_id: Mapped[str]
    user_id: Mapped[str]
    address: Mapped[str]
    message_id: Mapped[str]
    body_sealed: Mapped[bytes]
    stage: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime]
    claim: Mapped[UUID | None]
    worker_id: Mapped[int | None]
    reply: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
