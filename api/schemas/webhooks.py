"""Webhooks: bodies of requests, and the webhooks, deliveries and events in answers."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.schemas.types import EventId, Timestamp, maybe_millis
from mailtalk import clock
from mailtalk.events.schemas import Millis
from mailtalk.ids import DELIVERY, EVENT
from mailtalk.models import Webhook as WebhookRow
from mailtalk.vocabulary import EndpointStatus, EventType

MOST_EVENTS = 1_000
WebhookStage = Literal["queued", "sent", "failed", "cancelled"]


class WebhookUpdate(msgspec.Struct, rename="camel"):
    """Settings of a webhook. Without a secret it keeps its own, or one is generated; null or no events: all of them."""

    url: Annotated[str, Meta(max_length=2_000)]
    secret: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    events: Annotated[list[EventType], Meta(min_length=1)] | UnsetType | None = UNSET
    ordered: (
        Annotated[
            bool,
            Meta(
                description="True: an event that fails holds back the later ones of its conversation until it is "
                "taken or given up. False (the default): for at most 60 s; then it is tried alone."
            ),
        ]
        | UnsetType
        | None
    ) = UNSET


class WebhookReplay(msgspec.Struct):
    """The events to send again: those of a period (`from` included, `to` excluded), or those with these ids."""

    start: Timestamp | UnsetType | None = msgspec.field(default=UNSET, name="from")
    end: Timestamp | UnsetType | None = msgspec.field(default=UNSET, name="to")
    event_ids: Annotated[list[EventId], Meta(min_length=1, max_length=MOST_EVENTS)] | UnsetType | None = msgspec.field(
        default=UNSET, name="eventIds"
    )


class Webhook(msgspec.Struct, rename="camel", kw_only=True):
    """A webhook."""

    id: str
    url: str
    events: list[EventType] | None
    ordered: bool
    status: EndpointStatus
    reason: str | None
    failing_since: Millis | None
    secret_since: Millis
    created_at: Millis
    secret: Annotated[str, Meta(description="Shown once, in the answer that created it.")] | UnsetType | None = UNSET

    @classmethod
    def of(cls, row: WebhookRow) -> "Webhook":
        """Convert a webhook's row, without its secret."""
        return cls(
            id=row.id,
            url=row.url,
            events=None if row.events is None else [EventType(event) for event in row.events],
            ordered=row.ordered,
            status=EndpointStatus(row.status),
            reason=row.reason,
            failing_since=maybe_millis(row.failing_since),
            secret_since=clock.millis(row.secret_since),
            created_at=clock.millis(row.created_at),
        )


class WebhookDelivery(msgspec.Struct, rename="camel", kw_only=True):
    """An event for a webhook, and the result of sending it."""

    id: str
    event_id: str
    type: EventType | None
    conversation_id: str | None
    sequence: int | None
    stage: WebhookStage
    attempts: int
    status: Annotated[int, Meta(description="The HTTP status of the last answer.")] | None
    reply: Annotated[str, Meta(description="The last answer, shortened, or why there was none.")] | None
    created_at: Millis
    tried_at: Millis | None
    next_try_at: Millis | None
    ended_at: Millis | None

    @classmethod
    def of(cls, row: Any) -> "WebhookDelivery":
        """Convert a row of `mailtalk.webhooks.log.page`."""
        return cls(
            id=DELIVERY.show(row.id),
            event_id=EVENT.show(row.event_id),
            type=row.type and EventType(row.type),
            conversation_id=row.conversation_id,
            sequence=row.seq,
            stage=row.stage,
            attempts=row.attempts,
            status=row.status,
            reply=row.reply,
            created_at=clock.millis(row.created_at),
            tried_at=maybe_millis(row.tried_at),
            next_try_at=maybe_millis(row.not_before),
            ended_at=maybe_millis(row.ended_at),
        )


class ReplayedEvents(msgspec.Struct):
    """Number of events to be sent again."""

    count: int


class TestEvent(msgspec.Struct, rename="camel"):
    """Event of a test."""

    event_id: str


class Event(msgspec.Struct, rename="camel", kw_only=True):
    """Body of a request to a webhook."""

    id: Annotated[str, Meta(description="The same at every try and replay.")]
    type: EventType
    created_at: Millis
    data: dict[str, Any]
    conversation_id: str | None
    sequence: Annotated[int, Meta(description="Counts the events of the conversation.")] | None
