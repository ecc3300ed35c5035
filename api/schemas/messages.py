"""Messages and read state: bodies of requests, and their answers."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.schemas.types import Id, Timestamp
from mailtalk.conversations.drafts import TEXT_LIMIT
from mailtalk.vocabulary import MessageType

MessageText = Annotated[str, Meta(max_length=TEXT_LIMIT)]
Degrees = Annotated[float, Meta(ge=-180, le=180)]
Location = Annotated[
    list[Degrees], Meta(min_length=2, max_length=2, description="Latitude (-90 to 90) and longitude, in degrees.")
]


FileUrl = Annotated[str, Meta(pattern=r"^https?://[^\s<>]+$", max_length=2_000)]
FileSize = Annotated[int, Meta(ge=0, le=2**53)]
Token = Annotated[str, Meta(max_length=255)]


class NewAttachment(msgspec.Struct):
    """A file that you keep; the size is in bytes."""

    url: FileUrl
    size: FileSize


# Written out: a msgspec Struct would drop a node's other fields.
_TEXT: Any = {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/TextNode"}]}
TEXT_NODE: Any = {
    "TextNode": {
        "type": "object",
        "description": "A part of a text: a `link` with its `url`, a `mention` with its `id`, a `bulletList` …",
        "properties": {"type": {"type": "string"}, "children": {"type": "array", "items": _TEXT}},
        "required": ["type"],
        "additionalProperties": True,
    }
}
TextNode = Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/TextNode"})]


class TextBlock(msgspec.Struct, tag_field="type", tag="text"):
    """A text block: strings, and nodes such as links, mentions and lists."""

    children: list[str | TextNode]


class FileBlock(msgspec.Struct, tag_field="type", tag="file", rename="camel"):
    """A file: the `fileToken` of an upload or of another message's file, or a `url` and `size` that you keep."""

    file_token: Token | UnsetType | None = UNSET
    url: FileUrl | UnsetType | None = UNSET
    size: FileSize | UnsetType | None = UNSET


class LocationBlock(msgspec.Struct, tag_field="type", tag="location"):
    """A location, in degrees."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Degrees


ContentBlock = TextBlock | FileBlock | LocationBlock
Content = Annotated[list[ContentBlock], Meta(min_length=1, max_length=10, description="Instead of `text` and files.")]


class NewMessage(msgspec.Struct, rename="camel", kw_only=True):
    """A message to send: a text, a file, a location, or several of them."""

    type: MessageType
    text: MessageText | UnsetType | None = UNSET
    content: Content | UnsetType | None = UNSET
    sender: Annotated[Id, Meta(description="Required for a `UserMessage`; a `SystemMessage` has none.")] | (
        UnsetType | None
    ) = UNSET
    custom: dict[str, str] | UnsetType | None = UNSET
    attachment: NewAttachment | UnsetType | None = UNSET
    attachment_token: Annotated[Token, Meta(description="Of an uploaded file, instead of `attachment`.")] | (
        UnsetType | None
    ) = UNSET
    location: Location | UnsetType | None = UNSET
    referenced_message_id: Id | UnsetType | None = UNSET
    idempotency_key: Annotated[Id, Meta(description="Posts the message once.")] | UnsetType | None = UNSET


class ImportedMessage(NewMessage, rename="camel", kw_only=True):
    """A message from another system, with its original time."""

    created_at: (
        Annotated[Timestamp, Meta(description="When it was written, in milliseconds since 1970-01-01 UTC; required.")]
        | UnsetType
        | None
    ) = UNSET
    timestamp: Annotated[Timestamp, Meta(description="Older name of `createdAt`.")] | UnsetType | None = UNSET
    read_by: Annotated[list[Id], Meta(max_length=1_000)] | UnsetType | None = UNSET


class MessageUpdate(msgspec.Struct):
    """Fields of a message to change. `custom` merges key by key; null clears a key, or all of them."""

    text: MessageText | UnsetType | None = UNSET
    content: Annotated[list[TextBlock], Meta(min_length=1, max_length=10)] | UnsetType | None = UNSET
    custom: dict[str, str | None] | UnsetType | None = UNSET


class FileUpload(msgspec.Struct):
    """A file to upload."""

    file: Annotated[str, Meta(extra_json_schema={"format": "binary", "contentMediaType": "application/octet-stream"})]


class UploadedFile(msgspec.Struct, rename="camel"):
    """The token of an uploaded file, for `attachmentToken` or a `file` block; both are the same."""

    attachment_token: str
    file_token: str


class PostedMessage(msgspec.Struct):
    """Id of a posted message."""

    id: str


class ReadStateUpdate(msgspec.Struct, rename="camel"):
    """The time up to which the conversation is read."""

    read_until: Timestamp | UnsetType | None = UNSET
    unread: Annotated[bool, Meta(description="True marks the last message of someone else as unread.")] | (
        UnsetType | None
    ) = UNSET


class EmojiUsers(msgspec.Struct, rename="camel"):
    """An emoji on a message, and the users who added it."""

    emoji: str
    user_ids: list[str]


class ReactionUsers(msgspec.Struct):
    """Ids of the users who added an emoji to a message."""

    data: list[str]


NewMessages = Annotated[list[NewMessage], Meta(min_length=1, max_length=10)]
ImportedMessages = Annotated[list[ImportedMessage], Meta(min_length=1, max_length=100)]
