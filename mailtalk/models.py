"""The tables. Every key starts with the app; whatever is asked for is a row with a status first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NOW = text("date_trunc('milliseconds', now())")  # the wire has milliseconds, and what it says must compare
Json = dict[str, Any]


class Base(DeclarativeBase):
    """Column types by annotation, and names for the constraints that migrations must know."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy's own declaration
        str: Text,
        datetime: TIMESTAMP(timezone=True),
        bytes: LargeBinary,
        int: BigInteger,
        Json: JSONB(none_as_null=True),
        list[Any]: JSONB(none_as_null=True),
        list[str]: ARRAY(Text),
    }


class App(Base):
    """A tenant: its secret is kept sealed (JWTs need it) and hashed (so that a raw secret finds its app)."""

    __tablename__ = "apps"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_sealed: Mapped[bytes]
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    participant_limit: Mapped[int | None] = mapped_column(server_default="100")
    default_version: Mapped[str] = mapped_column(server_default="2024-01-01")
    quiet_seconds: Mapped[float | None]  # none: as the settings say
    cap_seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class User(Base):
    """A person an app knows; never deleted."""

    __tablename__ = "users"
    __table_args__ = (Index(None, "app_id", "created_at", "id"),)

    app_id: Mapped[str] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    emails: Mapped[list[str] | None]
    phones: Mapped[list[str] | None]
    photo_url: Mapped[str | None]
    welcome_message: Mapped[str | None]
    locale: Mapped[str | None]
    role: Mapped[str | None]
    custom: Mapped[Json] = mapped_column(server_default="{}")
    push_tokens: Mapped[Json | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class Conversation(Base):
    """A conversation; its row is the lock under which seq and applied_seq are given out."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(None, "window_due_at", postgresql_where=text("window_due_at IS NOT NULL")),
        Index("ix_conversations_activity", "app_id", text("coalesce(last_message_at, created_at)"), "id"),
        Index("ix_conversations_created", "app_id", "created_at", "id"),
    )

    app_id: Mapped[str] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str | None]
    photo_url: Mapped[str | None]
    welcome_messages: Mapped[list[Any] | None]
    custom: Mapped[Json] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    last_seq: Mapped[int] = mapped_column(server_default="0")
    last_message_at: Mapped[datetime | None]
    applied_seq: Mapped[int] = mapped_column(server_default="0")
    window_opened_at: Mapped[datetime | None]
    window_due_at: Mapped[datetime | None]
    window_from_seq: Mapped[int | None]


class Participation(Base):
    """A user in a conversation; survives leaving, so that `generation` never goes back."""

    __tablename__ = "participations"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "conversation_id"], ["conversations.app_id", "conversations.id"]),
        ForeignKeyConstraint(["app_id", "user_id"], ["users.app_id", "users.id"]),
        Index(None, "app_id", "user_id"),
        Index("uq_participations_id", "id", unique=True),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
    present: Mapped[bool]
    access: Mapped[str]
    notify: Mapped[str]
    generation: Mapped[int] = mapped_column(server_default="0")
    mute_until: Mapped[datetime | None]
    sees: Mapped[str] = mapped_column(server_default="all")
    view_seq: Mapped[int | None]
    view: Mapped[Json | None]
    joined_at: Mapped[datetime]
    read_seq: Mapped[int] = mapped_column(server_default="0")
    mailed_seq: Mapped[int] = mapped_column(server_default="0")


class Address(Base):
    """An inbound address that was issued: only its hash; dead when the participation's generation moved on."""

    __tablename__ = "addresses"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    participation_id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[bytes] = mapped_column(unique=True)


class Change(Base):
    """A requested join, update or leave; `applied_seq` is the order in which they took effect."""

    __tablename__ = "changes"
    __table_args__ = (
        Index("ix_changes_log", "app_id", "conversation_id", "id"),
        Index("ix_changes_pending", "app_id", "conversation_id", "id", postgresql_where=text("status = 'pending'")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    conversation_id: Mapped[str]
    user_id: Mapped[str]
    kind: Mapped[str]
    access: Mapped[str | None]
    notify: Mapped[str | None]
    mute_given: Mapped[bool] = mapped_column(server_default="false")
    mute_until: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    error_code: Mapped[str | None]
    requested_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    applied_seq: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime | None]


class Message(Base):
    """A message; `mentions` is written once, when it is posted."""

    __tablename__ = "messages"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "conversation_id"], ["conversations.app_id", "conversations.id"]),
        Index(None, "app_id", "id", unique=True),
        Index("ix_messages_time", "app_id", "conversation_id", "created_at", "seq"),
        Index(
            "uq_messages_idempotency_key",
            "app_id",
            "conversation_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str]
    type: Mapped[str]
    sender_id: Mapped[str | None]
    text: Mapped[str]
    mentions: Mapped[list[str]] = mapped_column(server_default="{}")
    origin: Mapped[str]
    custom: Mapped[Json] = mapped_column(server_default="{}")
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    referenced_message_id: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    attachment: Mapped[Json | None]
    location: Mapped[list[Any] | None]
    elided: Mapped[str | None]
    read_by: Mapped[list[str]] = mapped_column(server_default="{}")  # an imported one's; else read_seq says it


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


class IdempotencyKey(Base):
    """A request that carried an Idempotency-Key, and its answer, or the changes that answer it."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    app_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    change_ids: Mapped[list[Any] | None]
    status: Mapped[int | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class ImportBatch(Base):
    """Lines of an imported file that were taken together; where the last one ends, the next run of it goes on."""

    __tablename__ = "import_batches"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    file_hash: Mapped[bytes] = mapped_column(primary_key=True)
    after_line: Mapped[int] = mapped_column(primary_key=True)
    last_line: Mapped[int]
    taken: Mapped[list[Any]]  # for each row [its line, its change's id or null, why it was refused or null]
    accepted_at: Mapped[datetime]


class Worker(Base):
    """A worker's life: while it lives it holds the session-level advisory lock of its id."""

    __tablename__ = "workers"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
