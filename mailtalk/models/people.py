"""Apps, users, conversations, participations, messages and files."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, ForeignKeyConstraint, Index, and_, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.models.base import NOW, Base, Json
from mailtalk.vocabulary import Access


class App(Base):
    """Tenant: its secret is stored sealed (JWTs need it) and hashed (to find the app by it)."""

    __tablename__ = "apps"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_sealed: Mapped[bytes]
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    participant_limit: Mapped[int | None] = mapped_column(server_default="100")
    default_version: Mapped[str] = mapped_column(server_default="2024-01-01")
    quiet_seconds: Mapped[float | None]  # null: as in the settings
    cap_seconds: Mapped[float | None]
    frequency: Mapped[str] = mapped_column(server_default="default")  # for participants whose own is DEFAULT
    sender_policy: Mapped[str] = mapped_column(server_default="capability")
    style: Mapped[Json] = mapped_column(server_default="{}")  # style of its mails: name, logo, colour, templates, …
    default_locale: Mapped[str | None]
    custom: Mapped[Json] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class User(Base):
    """User of an app; deleted by erasure alone."""

    __tablename__ = "users"
    __table_args__ = (
        Index(None, "app_id", "created_at", "id"),
        Index("ix_users_addresses", text("lowered(emails)"), postgresql_using="gin"),
    )

    app_id: Mapped[str] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    emails: Mapped[list[str] | None]
    accepted_senders: Mapped[list[str] | None]  # addresses that the user also writes from; nothing is sent to them
    phones: Mapped[list[str] | None]
    photo_url: Mapped[str | None]
    welcome_message: Mapped[str | None]
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]
    role: Mapped[str | None]
    custom: Mapped[Json] = mapped_column(server_default="{}")
    push_tokens: Mapped[Json | None]
    availability_text: Mapped[str | None]
    header_photo_url: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class Photo(Base):
    """Picture of a user, fetched from their `photo_url` and made small; without content, it could not be fetched."""

    __tablename__ = "photos"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    content_type: Mapped[str | None]
    content: Mapped[bytes | None]
    fetched_at: Mapped[datetime]


class Conversation(Base):
    """Conversation; its row is the lock under which seq and applied_seq are assigned."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(None, "window_due_at", postgresql_where=text("window_due_at IS NOT NULL")),
        Index(None, "app_id", "window_due_at", postgresql_where=text("window_due_at IS NOT NULL")),
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

    @property
    def key(self) -> ConversationKey:
        """The app and the id."""
        return ConversationKey(self.app_id, self.id)


class Participation(Base):
    """A user in a conversation; the row survives leaving, so that `generation` never goes back."""

    __tablename__ = "participations"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "conversation_id"], ["conversations.app_id", "conversations.id"]),
        ForeignKeyConstraint(["app_id", "user_id"], ["users.app_id", "users.id"]),
        Index(None, "app_id", "user_id"),
        Index("uq_participations_id", "id", unique=True),
        Index("ix_participations_paced", "app_id", "conversation_id", postgresql_where=text("frequency <> 'default'")),
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
    frequency: Mapped[str] = mapped_column(server_default="default")
    chosen: Mapped[list[str]] = mapped_column(server_default="{}")  # settings that the participant chose
    sees: Mapped[str] = mapped_column(server_default="all")
    view_seq: Mapped[int | None]
    view: Mapped[Json | None]
    joined_at: Mapped[datetime]
    read_seq: Mapped[int] = mapped_column(server_default="0")
    mailed_seq: Mapped[int] = mapped_column(server_default="0")  # settled up to here: mailed, or not for a reason

    @property
    def key(self) -> ParticipantKey:
        """The conversation and the user."""
        return ParticipantKey.of(self.app_id, self.conversation_id, self.user_id)

    @hybrid_property
    def takes_part(self) -> bool:
        """True for participants; False after leaving and with access None."""
        return self.present and self.access != Access.NONE

    @takes_part.inplace.expression
    @classmethod
    def _takes_part(cls) -> ColumnElement[bool]:
        return and_(cls.present, cls.access != Access.NONE)


class Address(Base):
    """Issued inbound address, by its hash only; dead once the participation's generation has moved on."""

    __tablename__ = "addresses"
    __table_args__ = (Index(None, "key_id"),)

    app_id: Mapped[str] = mapped_column(primary_key=True)
    participation_id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[bytes] = mapped_column(unique=True)


class Message(Base):
    """Message; `mentions` is fixed when it is posted."""

    __tablename__ = "messages"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "conversation_id"], ["conversations.app_id", "conversations.id"]),
        Index(None, "app_id", "id", unique=True),
        # Some kilobytes for millions of messages: rows lie in the order of their age.
        Index("ix_messages_age", "created_at", postgresql_using="brin", postgresql_with={"autosummarize": True}),
        Index(
            "ix_messages_file",
            "app_id",
            text("(attachment ->> 'fileId')"),
            postgresql_where=text("attachment ->> 'fileId' IS NOT NULL"),
        ),
        # Of users who may never have taken part.
        Index("ix_messages_imported", "app_id", "sender_id", postgresql_where=text("origin = 'import'")),
        Index(
            "ix_messages_imported_readers",
            "read_by",
            postgresql_using="gin",
            postgresql_where=text("origin = 'import'"),
        ),
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
    content: Mapped[list[Any] | None]  # TalkJS's structured form, if given; else built from the others
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
    mail_id: Mapped[str | None]  # Message-ID of the mail it came from, which replies to it refer to
    read_by: Mapped[list[str]] = mapped_column(server_default="{}")  # of an imported message; else by read_seq


class Reaction(Base):
    """Emoji of a user on a message; deleted with the message."""

    __tablename__ = "reactions"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "message_id"], ["messages.app_id", "messages.id"], ondelete="CASCADE"),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    emoji: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class File(Base):
    """File of a message, received by mail or uploaded; an upload has no message until one uses it."""

    __tablename__ = "files"
    __table_args__ = (
        ForeignKeyConstraint(["app_id", "conversation_id"], ["conversations.app_id", "conversations.id"]),
        Index(None, "app_id", "conversation_id", "message_id"),
        Index("ix_files_unused", "created_at", postgresql_where=text("message_id IS NULL")),
    )

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[str | None]
    message_id: Mapped[str | None]
    name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    content_id: Mapped[str | None]
    inline: Mapped[bool]
    content_sealed: Mapped[bytes]
    thumbnail: Mapped[Json | None]  # type, width and height of a picture's thumbnail
    thumbnail_sealed: Mapped[bytes | None]
    part_bytes: Mapped[int | None]  # content in each sealed part; None: all of it in one
    created_at: Mapped[datetime]
