"""Drafts: a request's messages, given as plain fields or as content blocks, validated."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from api.schemas.messages import (
    ContentBlock,
    FileBlock,
    LocationBlock,
    MessageUpdate,
    NewAttachment,
    NewMessage,
    TextBlock,
)
from mailtalk.conversations.drafts import TEXT_LIMIT, Draft
from mailtalk.errors import Invalid
from mailtalk.events import content
from mailtalk.file_uses import FileToken
from mailtalk.vocabulary import MessageType, Origin

LATITUDE = 90


def draft(i: int, message: NewMessage, origin: Origin) -> Draft:
    """Validate the `i`th message of a request. Invalid names the wrong field."""
    message, stored = _with_content(i, message)
    file = _file(i, message)
    if not ((message.text or "").strip() or message.attachment or file or message.location):
        raise Invalid({f"{i}.text": ["is required, unless there is an attachment or a location"]})
    if message.location and abs(message.location[0]) > LATITUDE:
        raise Invalid({f"{i}.location": [f"has a latitude outside of -{LATITUDE} to {LATITUDE}"]})
    return Draft(
        message.type,
        message.text or "",
        origin,
        _sender(i, message),
        custom=dict(message.custom or {}),
        referenced_message_id=message.referenced_message_id or None,
        idempotency_key=message.idempotency_key or None,
        attachment=msgspec.to_builtins(message.attachment) if message.attachment else None,
        file=file,
        location=message.location or None,
        content=stored,
    )


def edited_text(body: MessageUpdate) -> dict[str, Any]:
    """Text and content columns of an edit; empty if it has neither."""
    if body.content:
        content, text = _text("content", body.content)
        return {"text": text, "content": content}
    return {} if body.text is UNSET or body.text is None else {"text": body.text}


def _with_content(i: int, message: NewMessage) -> tuple[NewMessage, list[Any] | None]:
    """Convert a message's content blocks to plain fields; return it and its text blocks."""
    if not message.content:
        return message, None
    name = f"{i}.content"
    if message.text or message.attachment or message.attachment_token or message.location:
        raise Invalid({name: ["is given instead of text, attachment and location, not beside them"]})
    stored, text = _text(name, message.content)
    files = [block for block in message.content if isinstance(block, FileBlock)]
    places = [[block.latitude, block.longitude] for block in message.content if isinstance(block, LocationBlock)]
    if len(files) > 1 or len(places) > 1:
        raise Invalid({name: ["has more than one file or location"]})
    plain = {"text": text, "location": places[0] if places else None, **_plain_file(name, files)}
    return msgspec.structs.replace(message, **plain), stored or None


def _plain_file(name: str, files: Sequence[FileBlock]) -> dict[str, Any]:
    """Plain field of the only file block, if any: its token, or its URL and size. Invalid if it has neither."""
    for block in files:
        if block.file_token:
            return {"attachment_token": block.file_token}
        if not block.url or not isinstance(block.size, int):
            raise Invalid({name: ["has a file without a fileToken, or a url and a size"]})
        return {"attachment": NewAttachment(block.url, block.size)}
    return {}


def _file(i: int, message: NewMessage) -> FileToken | None:
    if not message.attachment_token:
        return None
    if message.attachment:
        raise Invalid({f"{i}.attachmentToken": ["is given instead of attachment, not beside it"]})
    return FileToken("content" if message.content else "attachmentToken", message.attachment_token)


def _text(name: str, blocks: Sequence[ContentBlock]) -> tuple[list[Any], str]:
    """Text blocks as stored, and their plain text. Invalid names the wrong block's field."""
    texts = [block for block in blocks if isinstance(block, TextBlock)]
    try:
        text = "\n".join(content.text_of(block.children) for block in texts).rstrip("\n")
    except ValueError as error:
        raise Invalid({name: [str(error)]}) from None
    if len(text) > TEXT_LIMIT:
        raise Invalid({name: [f"has more than {TEXT_LIMIT} characters"]})
    return msgspec.to_builtins(texts), text


def _sender(i: int, message: NewMessage) -> str | None:
    if message.type is MessageType.USER and not message.sender:
        raise Invalid({f"{i}.sender": ["is required for a UserMessage"]})
    if message.type is MessageType.SYSTEM and message.sender:
        raise Invalid({f"{i}.sender": ["a SystemMessage has none"]})
    return message.sender or None
