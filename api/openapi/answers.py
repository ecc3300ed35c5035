"""The shapes of answers, as types for the document; tests hold real answers against them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api import bulk
from mailtalk.vocabulary import (
    Access,
    EndpointStatus,
    EventType,
    Frequency,
    MessageType,
    NotificationStatus,
    Origin,
    Outcome,
    Purpose,
    Stage,
    Verdict,
)

Millis = Annotated[int, Meta(description="milliseconds since 1970-01-01 UTC", ge=0)]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Notify = Annotated[bool | Literal["MentionsOnly"], Meta(description="whom messages of others are mailed to")]
Custom = Annotated[dict[str, Any], Meta(description="your own keys and values")]


class Problem(msgspec.Struct, rename="camel"):
    """What is wrong: a code for programs, and reasons for people, by field or as a list."""

    error_code: Annotated[str, Meta(pattern="^[A-Z_]+$")]
    reasons: dict[str, list[str]] | list[str]


class User(msgspec.Struct, rename="camel"):
    """A user."""

    id: str
    name: str
    email: list[str] | None
    phone: list[str] | None
    photo_url: str | None
    welcome_message: str | None
    locale: str | None
    time_zone: str | None
    role: str | None
    custom: Custom
    push_tokens: dict[str, Any] | None
    created_at: Millis


class Users(msgspec.Struct):
    """A page of users."""

    data: list[User]


class File(msgspec.Struct):
    """A file that is kept elsewhere; its size is in bytes."""

    url: str
    size: int


class Message(msgspec.Struct, rename="camel"):
    """A message."""

    id: str
    conversation_id: str
    type: MessageType
    sender_id: str | None
    text: str
    read_by: list[str]
    origin: Origin
    location: list[float] | None
    attachment: File | None
    custom: Custom
    created_at: Millis
    edited_at: Millis | None
    referenced_message_id: str | None


class Messages(msgspec.Struct):
    """A page of messages."""

    data: list[Message]


class MessageId(msgspec.Struct):
    """The id of a message just sent."""

    id: str


class Part(msgspec.Struct):
    """How somebody takes part, in a conversation's map."""

    access: Access
    notify: Notify


class Conversation(msgspec.Struct, rename="camel"):
    """A conversation; who left or has no access is not in the map."""

    id: str
    subject: str | None
    photo_url: str | None
    welcome_messages: list[str] | None
    custom: Custom
    last_message: Message | None
    participants: dict[str, Part]
    created_at: Millis
    topic_id: str


class Listed(Conversation, rename="camel"):
    """A conversation in a user's list, as this user may see it."""

    unread_message_count: int
    is_unread: bool


class Conversations(msgspec.Struct):
    """A page of conversations."""

    data: list[Conversation]


class UserConversations(msgspec.Struct):
    """A page of a user's list."""

    data: list[Listed]


class Participant(msgspec.Struct, rename="camel"):
    """A participant."""

    access: Access
    notify: Notify
    mute_until: Moment | None
    frequency: Frequency
    joined_at: Millis


class Member(Participant, rename="camel"):
    """A participant of a list, with the user's id."""

    id: str


class Members(msgspec.Struct):
    """A page of participants."""

    data: list[Member]


class Delivery(msgspec.Struct, rename="camel"):
    """One mail to one address, and how sending it went."""

    address: str
    stage: Stage
    reply: str | None
    attempts: int
    not_before: Millis
    sent_at: Millis | None
    bounced_at: Millis | None


class Notification(msgspec.Struct, rename="camel"):
    """What was mailed, is to be mailed, or was not, and why."""

    id: str
    status: NotificationStatus
    reason: str | None
    message_ids: list[str]
    created_at: Millis
    not_before: Millis
    ended_at: Millis | None
    deliveries: list[Delivery]


class Notifications(msgspec.Struct):
    """A page of notifications."""

    data: list[Notification]


class Actions(msgspec.Struct):
    """Body of a bulk POST."""

    actions: Annotated[list[bulk.Action], Meta(max_length=bulk.MOST)]


class Result(msgspec.Struct, rename="camel"):
    """What became of one action: what a single request would have been told."""

    id: int | str | None
    status: int
    change_id: str | UnsetType = UNSET
    error_code: str | UnsetType = UNSET
    reasons: dict[str, list[str]] | list[str] | UnsetType = UNSET


class Results(msgspec.Struct):
    """The results, in the order of the actions."""

    responses: list[Result]


class InboundAddress(msgspec.Struct, rename="camel"):
    """A participant's secret address."""

    email_address: str


Kind = Literal["join", "update", "leave", "rotate"]


class PendingChange(msgspec.Struct, rename="camel"):
    """A change that is durable and not yet applied."""

    id: str
    kind: Kind
    status: Literal["pending"]
    requested_at: Millis
    applied_at: None


class Change(msgspec.Struct, rename="camel"):
    """A change of the log."""

    id: str
    kind: Kind
    conversation_id: str
    user_id: str
    status: Literal["pending", "applied", "rejected"]
    requested_at: Millis
    applied_at: Millis | None
    error_code: str | UnsetType = UNSET


class Logged(Change, rename="camel", kw_only=True):
    """A change with its place in the order, and what it asked for."""

    applied_seq: int | None
    access: Access | UnsetType = UNSET
    notify: Notify | UnsetType = UNSET
    mute_until: Moment | UnsetType | None = UNSET
    frequency: Frequency | UnsetType = UNSET


class Changes(msgspec.Struct):
    """A page of the log."""

    data: list[Logged]


class Webhook(msgspec.Struct, rename="camel"):
    """An endpoint that is told of what happens."""

    id: str
    url: str
    events: list[EventType] | None
    ordered: bool
    status: EndpointStatus
    reason: str | None
    failing_since: Millis | None
    secret_since: Millis
    created_at: Millis


class MadeWebhook(Webhook, rename="camel"):
    """A webhook, with the secret that was made."""

    secret: str | UnsetType | None = UNSET


class Webhooks(msgspec.Struct):
    """All webhooks of an app."""

    data: list[Webhook]


class WebhookDelivery(msgspec.Struct, rename="camel"):
    """An event for a webhook, and how telling it went."""

    id: str
    event_id: str
    type: EventType | None
    conversation_id: str | None
    sequence: int | None
    stage: Literal["queued", "sent", "failed", "cancelled"]
    attempts: int
    status: Annotated[int | None, Meta(description="of the last answer; null: there was none")]
    reply: Annotated[str | None, Meta(description="the last answer, shortened, or why there was none")]
    created_at: Millis
    tried_at: Millis | None
    next_try_at: Millis | None
    ended_at: Millis | None


class WebhookDeliveries(msgspec.Struct):
    """A page of the log."""

    data: list[WebhookDelivery]


class Replayed(msgspec.Struct):
    """How many events are told again."""

    count: int


class Tested(msgspec.Struct, rename="camel"):
    """The test's event."""

    event_id: str


class Told(msgspec.Struct, rename="camel"):
    """What a webhook is told."""

    id: Annotated[str, Meta(description="the same at every try and replay")]
    type: EventType
    created_at: Millis
    data: dict[str, Any]
    conversation_id: str | None
    sequence: Annotated[int | None, Meta(description="counts the events of the conversation")]


class InboundMail(msgspec.Struct, rename="camel"):
    """A mail that came to an inbound address, and what became of it."""

    id: str
    outcome: Outcome
    verdict: Verdict | None
    reason: Annotated[str | None, Meta(description="the mark that decided, for programs: `left`, `null-sender`, …")]
    flag: Annotated[str | None, Meta(description="what is odd about it, though it decided nothing")]
    purpose: Purpose
    user_id: str | None
    conversation_id: str | None
    message_id: Annotated[str | None, Meta(description="the message that it became")]
    size: int | None
    received_at: Millis
    processed_at: Millis | None
    released_at: Millis | None
    can_replay: bool


class OneInboundMail(InboundMail, rename="camel"):
    """The same, with what was cut from its text, and what SPF, DKIM and ARC say of its sender."""

    elided: str | None
    evidence: Annotated[dict[str, str | None] | None, Meta(description="where the app's policy asks for it")]


class InboundMails(msgspec.Struct):
    """A page of the mails."""

    data: list[InboundMail]


class Described(msgspec.Struct):
    """An OpenAPI document."""

    openapi: str


class Answered(msgspec.Struct, array_like=True):
    """What one operation of a batch was answered: `[seq, status, body]`."""

    seq: float
    status: int
    body: Any


class Alive(msgspec.Struct):
    """The process answers."""

    status: Literal["ok"]


class Readiness(msgspec.Struct):
    """What the process depends on."""

    status: Literal["ready", "unready"]
    database: Literal["ok", "away"]
    worker: Literal["ok", "away", "unknown"]
    broker: Literal["ok", "away"]
    missing: list[str] | UnsetType = UNSET
