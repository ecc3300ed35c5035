"""Rows of the commands' tables and of their JSON: one struct for each kind of row, with the names of JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

import msgspec

from mailtalk.models import Webhook
from mailtalk.vocabulary import DeliveryKind, Stage
from mailtalk.webhooks.channels import PREFIX as CHANNEL_PREFIX


class ListedReport(msgspec.Struct, rename="camel"):
    """Base of the rows: made from the attributes of a database row or a read model."""

    @classmethod
    def of(cls, source: object) -> Self:
        """Convert an object with these attributes."""
        return msgspec.convert(source, cls, from_attributes=True)


class AppReport(ListedReport, rename="camel"):
    """An app with its settings; never its secret."""

    id: str
    name: str
    participant_limit: int | None
    default_version: str
    quiet_seconds: float | None
    cap_seconds: float | None
    frequency: str
    sender_policy: str
    created_at: datetime


class SuppressionReport(ListedReport, rename={"scored_at": "since"}):
    """An address that gets no mail."""

    address: str
    reason: str
    status: str | None
    scored_at: datetime
    until: datetime | None


class ChannelReport(msgspec.Struct, rename="camel"):
    """A channel; of its URL only the kind."""

    app_id: str
    name: str
    kind: str
    status: str
    reason: str | None

    @classmethod
    def of(cls, row: Webhook) -> Self:
        """Convert a channel's row."""
        return cls(row.app_id, row.id.removeprefix(CHANNEL_PREFIX), row.url, row.status, row.reason)


class DeliveryReport(ListedReport, rename="camel"):
    """An outgoing mail."""

    id: UUID
    app_id: str
    kind: DeliveryKind
    conversation_id: str
    user_id: str
    address: str
    message_id: str
    stage: Stage
    attempts: int
    unknowns: int
    not_before: datetime
    reply: str | None
    created_at: datetime
    ended_at: datetime | None
    bounced_at: datetime | None


class UserReport(ListedReport, rename="camel"):
    """A user, with the number of conversations they take part in."""

    app_id: str
    id: str
    name: str
    emails: Sequence[str]
    conversations: int
    created_at: datetime


class ConversationReport(ListedReport, rename="camel"):
    """A conversation, with the numbers of its participants and messages."""

    app_id: str
    id: str
    subject: str | None
    participants: int
    messages: int
    created_at: datetime
    last_message_at: datetime | None
    window_due_at: datetime | None
