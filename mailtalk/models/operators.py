"""Tables of the console: login links, and the log of what operators did."""

from datetime import datetime

from sqlalchemy import Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from mailtalk.models.base import Base, Json


class AuditEntry(Base):
    """Action of a person in the console; `target` names what it was done to, and never holds a secret."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_log", "app_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    role: Mapped[str]
    client: Mapped[str | None]  # IP address
    action: Mapped[str]
    app_id: Mapped[str | None]  # null: of no single app
    target: Mapped[Json] = mapped_column(server_default="{}")


class LoginLink(Base):
    """Link that logs an operator in to the console once, by the hash of its token."""

    __tablename__ = "login_links"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    used_at: Mapped[datetime | None]
