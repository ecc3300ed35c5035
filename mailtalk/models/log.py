"""Tables of the change log, idempotency keys, posts of providers, imports and live workers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mailtalk.models.base import NOW, Base


class Change(Base):
    """Requested join, update or leave; `applied_seq` is the order in which changes took effect."""

    __tablename__ = "changes"
    __table_args__ = (
        Index("ix_changes_log", "app_id", "conversation_id", "id"),
        Index("ix_changes_pending", "app_id", "conversation_id", "id", postgresql_where=text("status = 'pending'")),
        # Rates of the queue.
        Index(None, "requested_at"),
        Index(None, "applied_at", postgresql_where=text("applied_at IS NOT NULL")),
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
    frequency: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    error_code: Mapped[str | None]
    requested_by: Mapped[str] = mapped_column(server_default="backend")
    requested_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    applied_seq: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[datetime | None]


class Origin(Base):
    """Trace and request that a change or message came from, while traces are on; unlogged: losing it ends a trace."""

    __tablename__ = "origins"
    __table_args__ = (Index(None, "at"), {"prefixes": ["UNLOGGED"]})

    app_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)  # of the change or message, as on the wire
    traceparent: Mapped[str]
    request_id: Mapped[str | None]
    at: Mapped[datetime]


class IdempotencyKey(Base):
    """Idempotency-Key with its request's hash, and its response or its changes."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    app_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    change_ids: Mapped[list[Any] | None]
    status: Mapped[int | None]  # always null: of the first version, whose processes may still run
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class SeenPost(Base):
    """Hash of a key of what came from outside, so that it has its effect once."""

    __tablename__ = "seen_posts"
    __table_args__ = (Index(None, "at"),)

    key: Mapped[bytes] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class KeyCheck(Base):
    """The only row is sealed with the first key of MAILTALK_SECRET_KEY, so that a wrong key is detected."""

    __tablename__ = "key_checks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes]


class WriteProbe(Base):
    """The only row is written by each process that is asked whether it is ready."""

    __tablename__ = "write_probes"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    filler: Mapped[bytes]  # random bytes, so that a probe needs room as other writes do


class ImportBatch(Base):
    """Lines of an imported file that were accepted together; the next run continues after `last_line`."""

    __tablename__ = "import_batches"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    file_hash: Mapped[bytes] = mapped_column(primary_key=True)
    after_line: Mapped[int] = mapped_column(primary_key=True)
    last_line: Mapped[int]
    taken: Mapped[list[Any]]  # for each row [line, id of its change or null, error code or null]
    accepted_at: Mapped[datetime]


class Worker(Base):
    """Worker process; while it lives, it holds the session-level advisory lock of its id."""

    __tablename__ = "workers"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    application: Mapped[str | None]  # of its sessions in the server; null in the version before
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    relays: Mapped[list[Any] | None]  # its view of the relays, as `RelayStatus`


class ListPlace(Base):
    """Place in a list of a row that ended a page, or was deleted; unlogged: losing it costs a cursor at most."""

    __tablename__ = "list_places"
    __table_args__ = (Index(None, "until"), {"prefixes": ["UNLOGGED"]})

    app_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)  # of the list
    id: Mapped[str] = mapped_column(primary_key=True)
    moment: Mapped[datetime]
    seq: Mapped[int | None]
    until: Mapped[datetime]
