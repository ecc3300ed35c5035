"""Inbound mails, notifications, outgoing mails and suppressions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Identity, Index, text
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from mailtalk.models.base import Base, Json


class RawMail(Base):
    """Raw mail as received, sealed because it contains inbound addresses. One row for all recipients."""

    __tablename__ = "raw_mails"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sealed: Mapped[bytes]
    mail_from: Mapped[str]
    client_ip: Mapped[str | None]  # HELO name of the SMTP client, for SPF
    helo: Mapped[str | None]
    spf: Mapped[str | None]  # pass, if a provider that received the mail says so
    received_at: Mapped[datetime]


class InboundMail(Base):
    """Inbound mail to one recipient, and its outcome; mail to postmaster has no app."""

    __tablename__ = "inbound_mails"
    __table_args__ = (
        # Queue of unprocessed mails: a claim steps from app to app and from participation to participation.
        Index(
            "ix_inbound_mails_queue",
            "app_id",
            "participation_id",
            "id",
            postgresql_where=text("outcome = 'received' AND participation_id IS NOT NULL AND reason IS NULL"),
        ),
        Index(
            "ix_inbound_mails_others",
            "purpose",
            "id",
            postgresql_where=text("outcome = 'received' AND participation_id IS NULL"),
        ),
        Index(
            "ix_inbound_mails_unproven",
            "not_before",
            postgresql_where=text("outcome = 'received' AND participation_id IS NOT NULL AND reason IS NOT NULL"),
        ),
        Index(
            "ix_inbound_mails_held",
            "worker_id",
            postgresql_where=text("outcome = 'received' AND worker_id IS NOT NULL"),
        ),
        Index(
            "uq_inbound_mails_posted",
            "participation_id",
            "fingerprint",
            unique=True,
            postgresql_where=text("outcome = 'posted'"),
        ),
        Index(None, "app_id", "conversation_id"),
        Index("ix_inbound_mails_log", "app_id", "id"),
        # A participant's earlier mails: those of the last hour, and by Message-ID.
        Index(
            "ix_inbound_mails_recent",
            "participation_id",
            "received_at",
            postgresql_where=text("verdict IN ('person', 'flood')"),
        ),
        Index(
            "ix_inbound_mails_message_id",
            "participation_id",
            "message_id",
            postgresql_where=text("outcome = 'posted'"),
        ),
        Index(None, "raw_id"),
        Index(None, "processed_at", postgresql_where=text("processed_at IS NOT NULL")),
        Index("ix_inbound_mails_failed", "processed_at", postgresql_where=text("outcome = 'failed'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    raw_id: Mapped[int | None] = mapped_column(ForeignKey("raw_mails.id", ondelete="SET NULL"))  # null once purged
    app_id: Mapped[str | None]
    conversation_id: Mapped[str | None]
    user_id: Mapped[str | None]
    participation_id: Mapped[UUID | None]
    generation: Mapped[int | None]
    delivery_id: Mapped[UUID | None]  # delivery whose envelope sender it came to, and whose failure it reports
    purpose: Mapped[str]
    outcome: Mapped[str] = mapped_column(server_default="received")
    verdict: Mapped[str | None]
    reason: Mapped[str | None]
    flag: Mapped[str | None]  # note for the operator; did not influence the outcome
    evidence: Mapped[Json | None]  # SPF, DKIM and ARC results, if the app's sender policy needs them
    size: Mapped[int | None]
    fingerprint: Mapped[bytes | None]
    said_hash: Mapped[bytes | None]  # of the extracted text
    message_id: Mapped[str | None]
    posted_as: Mapped[str | None]  # id of the resulting message
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]  # release from quarantine
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime | None]
    worker_id: Mapped[int | None]  # worker that has claimed it, while its outcome is received


class SenderQuestion(Base):
    """Question "was this you?" about a mail from an address that is not the participant's, and its answer."""

    __tablename__ = "sender_questions"
    __table_args__ = (
        Index(
            "ix_sender_questions_rejected",
            "participation_id",
            "address",
            postgresql_where=text("answer = 'reject'"),
        ),
        Index(None, "asked_at"),
        Index(None, "app_id"),
    )

    mail_id: Mapped[int] = mapped_column(
        ForeignKey("inbound_mails.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    app_id: Mapped[str | None]
    participation_id: Mapped[UUID | None]
    address: Mapped[str]
    excerpt: Mapped[str]
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None]


class Notification(Base):
    """Notification of one participant; at most one per participant is open.

    For each message and participant at the time, at most one ended notification records the result.
    """

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
        Index("ix_notifications_due", "digest", "not_before", postgresql_where=text("status = 'open'")),
        Index(
            "ix_notifications_queue",
            "app_id",
            "not_before",
            "id",
            postgresql_where=text("status = 'open' AND NOT digest"),
        ),
        Index("ix_notifications_digests", "app_id", "not_before", postgresql_where=text("status = 'open' AND digest")),
        Index("ix_notifications_reader", "app_id", "user_id", postgresql_where=text("status = 'open' AND digest")),
        Index("ix_notifications_log", "app_id", "conversation_id", "user_id", "id"),
        Index("ix_notifications_ended", "ended_at", postgresql_where=text("status <> 'open'")),
        Index("ix_notifications_made", "app_id", "user_id", "ended_at", postgresql_where=text("status = 'made'")),
        Index(None, "created_at"),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    conversation_id: Mapped[str]
    user_id: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="open")
    reason: Mapped[str | None]
    from_seq: Mapped[int]
    # Messages that were mailed, or for which the reason holds; as ranges, since most are consecutive.
    seqs: Mapped[Sequence[Range[int]]] = mapped_column(INT8MULTIRANGE, server_default="{}")
    digest: Mapped[bool] = mapped_column(server_default="false")  # waits for its hour, with the reader's others
    not_before: Mapped[datetime]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Delivery(Base):
    """Outgoing mail to one address: its bytes are fixed and sealed when it is made, so every retry is equal.

    A notice about an inbound mail has no notification; a digest has sections, and its conversation id is empty.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "not_before", postgresql_where=text("stage IN ('queued', 'deferred', 'unknown')")),
        Index(
            "ix_deliveries_queue",
            "app_id",
            "not_before",
            postgresql_where=text("stage IN ('queued', 'deferred', 'unknown')"),
        ),
        Index("ix_deliveries_held", "worker_id", postgresql_where=text("stage IN ('claimed', 'sending')")),
        Index("ix_deliveries_outdated", "app_id", "id", postgresql_where=text("stage = 'outdated'")),
        Index("ix_deliveries_thread", "app_id", "conversation_id", "user_id", "created_at"),
        Index("ix_deliveries_bounce", "id"),
        # Lists for operators, newest first: by stage, and by address.
        Index("ix_deliveries_log", "app_id", "stage", "created_at", "id"),
        Index("ix_deliveries_address", "app_id", text("lower(address)"), "created_at", "id"),
        Index(None, "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(server_default="notification")
    notification_id: Mapped[int | None]
    conversation_id: Mapped[str]
    user_id: Mapped[str]
    address: Mapped[str]
    message_id: Mapped[str]
    body_sealed: Mapped[bytes]
    seqs: Mapped[Sequence[Range[int]] | None] = mapped_column(INT8MULTIRANGE)  # messages that it is about
    edited_at: Mapped[datetime | None]  # newest edit of the messages that it shows
    reply_generation: Mapped[int | None]  # of the address in its Reply-To; null: it has none
    stage: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    unknowns: Mapped[int] = mapped_column(server_default="0")  # number of lost replies: as many may be repeats
    not_before: Mapped[datetime]
    sending_at: Mapped[datetime | None]  # from here on its final dot may have been sent, and its bytes stay as they are
    slot_at: Mapped[datetime | None]  # slot in its domain's rate; null: not scheduled yet
    claim: Mapped[UUID | None]
    worker_id: Mapped[int | None]
    reply: Mapped[str | None]
    tries: Mapped[list[Any]] = mapped_column(server_default="[]")  # the last ones, as `DeliveryTry`
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]  # when a bounce reported that it did not arrive after all


class DigestSection(Base):
    """Section of a digest: one notification; its columns are those that an ordinary notification's delivery has."""

    __tablename__ = "digest_sections"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "delivery_id"], ["deliveries.app_id", "deliveries.id"], ondelete="CASCADE"),
        Index(None, "app_id", "notification_id"),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str]
    participation_id: Mapped[UUID]
    seqs: Mapped[Sequence[Range[int]]] = mapped_column(INT8MULTIRANGE)
    edited_at: Mapped[datetime | None]
    reply_generation: Mapped[int | None]


class Suppression(Base):
    """Suppressed address: nothing is sent to it before `until`; the score of soft failures decays."""

    __tablename__ = "suppressions"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)  # lower case
    reason: Mapped[str]
    status: Mapped[str | None]
    score: Mapped[float] = mapped_column(server_default="0")
    scored_at: Mapped[datetime]
    until: Mapped[datetime | None]


class DomainRate(Base):
    """Time of the next mail to a recipient domain, for all workers; used only while a rate is set."""

    __tablename__ = "domain_rates"

    domain: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]


class Notice(Base):
    """Notice about inbound mail that was sent: at most one a day for each participation and reason."""

    __tablename__ = "notices"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)  # id of the participation
    reason: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
