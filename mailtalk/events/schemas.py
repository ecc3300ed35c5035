"""Wire forms of users, messages and conversations, the same in answers of the API and in events for webhooks."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mailtalk.vocabulary import Access, MessageType, Origin

Millis = Annotated[int, Meta(description="Milliseconds since 1970-01-01 UTC.", ge=0)]
Notify = Annotated[bool | Literal["MentionsOnly"], Meta(description="The messages of others that are mailed.")]
Custom = Annotated[dict[str, Any], Meta(description="Your own keys and values.")]


class User(msgspec.Struct, rename="camel", kw_only=True):
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
    push_tokens: dict[str, Any]
    availability_text: str | None
    header_photo_url: str | None
    created_at: Millis


class Attachment(msgspec.Struct):
    """A file of a message; the size is in bytes."""

    url: str
    size: int


class Reactions(msgspec.Struct):
    """An emoji at a message, and the number of users who added it."""

    emoji: str
    count: int


class Message(msgspec.Struct, rename="camel", kw_only=True):
    """A message."""

    id: str
    conversation_id: str
    type: MessageType
    sender_id: str | None
    text: str
    content: Annotated[list[dict[str, Any]], Meta(description="The same in blocks: text, file and location.")]
    read_by: list[str]
    origin: Origin
    location: list[float] | None
    attachment: Attachment | None
    custom: Custom
    created_at: Millis
    edited_at: Millis | None
    referenced_message_id: str | None
    reactions: list[Reactions]


class ParticipantSettings(msgspec.Struct):
    """A participant in the map of a conversation."""

    access: Access
    notify: Notify


class Conversation(msgspec.Struct, rename="camel", kw_only=True):
    """A conversation. The map of participants holds those with access `ReadWrite` or `Read`."""

    id: str
    subject: str | None
    photo_url: str | None
    welcome_messages: list[str] | None
    custom: Custom
    last_message: Message | UnsetType | None = UNSET
    participants: dict[str, ParticipantSettings] | UnsetType | None = UNSET
    everyone_read_until: Millis | UnsetType | None = UNSET
    created_at: Millis
    topic_id: str | None
