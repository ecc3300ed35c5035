"""The shapes of answers, said in types for the document; what the endpoints give is checked against them in tests."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mailtalk.vocabulary import Access, MessageType, Origin

Millis = Annotated[int, Meta(description="milliseconds since 1970-01-01 UTC", ge=0)]
Notify = Annotated[bool | Literal["MentionsOnly"], Meta(description="whom messages of others are mailed to")]
Custom = Annotated[dict[str, Any], Meta(description="your own keys and values")]


class Empty(msgspec.Struct):
    """Nothing to return."""


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
    role: str | None
    custom: Custom
    push_tokens: dict[str, Any] | None
    created_at: Millis


class Users(msgspec.Struct):
    """A page of users."""

    data: list[User]


class Message(msgspec.Struct, rename="camel"):
    """A message."""

    id: str
    conversation_id: str
    type: MessageType
    sender_id: str | None
    text: str
    read_by: list[str]
    origin: Origin
    location: None
    attachment: None
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
    joined_at: Millis


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
