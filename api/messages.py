"""Messages: send, get, list, edit, delete."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import wire
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.conversations import conversations, messages, read_state, visibility
from mailtalk.conversations.messages import TEXT_LIMIT, Draft
from mailtalk.errors import Invalid
from mailtalk.events import serializers
from mailtalk.files import Links
from mailtalk.ids import ParticipantKey
from mailtalk.models import Message
from mailtalk.vocabulary import MessageType, Origin

Text = Annotated[str, Meta(min_length=1, max_length=TEXT_LIMIT)]
Id = Annotated[str, Meta(min_length=1, max_length=wire.ID_LENGTH)]
Location = Annotated[list[float], Meta(min_length=2, max_length=2)]
MOST = (90, 180)  # degrees of latitude and longitude, either way


class Attachment(msgspec.Struct):
    """A file that is kept elsewhere; its size is in bytes."""

    url: Annotated[str, Meta(pattern=r"^https?://[^\s<>]+$", max_length=2_000)]
    size: Annotated[int, Meta(ge=0, le=2**53)]


class New(msgspec.Struct, rename="camel", kw_only=True):
    """One message of POST's array: text, a file, a place, or several of them."""

    type: MessageType
    text: Text | UnsetType | None = UNSET
    sender: Id | UnsetType | None = UNSET
    custom: dict[str, str] | UnsetType | None = UNSET
    attachment: Attachment | UnsetType | None = UNSET
    attachment_token: Any = UNSET
    location: Location | UnsetType | None = UNSET
    referenced_message_id: Id | UnsetType | None = UNSET
    idempotency_key: Id | UnsetType | None = UNSET


class Edit(msgspec.Struct):
    """Body of PUT; `custom` merges key by key, null clears one, or all."""

    text: Text | UnsetType = UNSET
    custom: dict[str, str | None] | UnsetType | None = UNSET


Batch = Annotated[list[New], Meta(min_length=1, max_length=10)]


async def post(call: Call) -> Response:
    """POST: append 1 to 10 messages, in order."""
    batch: list[New] = await call.body(Batch)
    return await call.commit(_post, call, [draft(i, new, Origin.REST) for i, new in enumerate(batch)])


async def get(call: Call) -> Json:
    """GET one message."""
    return await call.transact(_get, call)


async def listed(call: Call) -> Json:
    """GET: newest first; with `asUser` what this user may see."""
    return {"data": await call.transact(_list, call)}


async def put(call: Call) -> Response:
    """PUT: edit; nobody is notified of it."""
    fields = wire.given(await call.body(Edit), {"text": "text", "custom": "custom"})
    return await call.commit(messages.edit, clock.now(), call.conversation_key, call.id("messageId"), fields)


async def delete(call: Call) -> Response:
    """DELETE: the message is not read any more; mails that were made stay."""
    return await call.commit(messages.delete, call.conversation_key, call.id("messageId"))


def draft(i: int, new: New, origin: Origin) -> Draft:
    """The `i`th of a request's messages, checked."""
    if new.attachment_token not in (UNSET, None):
        raise Invalid({f"{i}.attachmentToken": ["files are not uploaded here; send attachment {url, size}"]})
    if not (new.text or new.attachment or new.location):
        raise Invalid({f"{i}.text": ["is required, unless there is an attachment or a location"]})
    return Draft(
        new.type,
        new.text or "",
        origin,
        _sender(i, new),
        custom=dict(new.custom or {}),
        referenced_message_id=new.referenced_message_id or None,
        idempotency_key=new.idempotency_key or None,
        attachment=msgspec.to_builtins(new.attachment) if new.attachment else None,
        location=_location(i, new),
    )


def shown(session: Session, links: Links, found: Sequence[Message]) -> list[Json]:
    """Messages on the wire, of one conversation or many."""
    read_by, now = read_state.of(session, found), clock.now()
    return [
        serializers.message(message, read_by[message.id])
        | {"attachment": links.shown(message.app_id, message.attachment, now)}
        for message in found
    ]


def _sender(i: int, new: New) -> str | None:
    if new.type is MessageType.USER and not new.sender:
        raise Invalid({f"{i}.sender": ["is required for a UserMessage"]})
    if new.type is MessageType.SYSTEM and new.sender:
        raise Invalid({f"{i}.sender": ["a SystemMessage has none"]})
    return new.sender or None


def _location(i: int, new: New) -> list[float] | None:
    for name, value, most in zip(("latitude", "longitude"), new.location or (), MOST, strict=False):
        if abs(value) > most:
            raise Invalid({f"{i}.location": [f"has a {name} outside of -{most} to {most}"]})
    return new.location or None


def _post(session: Session, call: Call, drafts: list[Draft]) -> list[Json]:
    conversation = conversations.lock(session, call.conversation_key)
    posted = messages.post(session, clock.now(), call.services.pace, conversation, drafts)
    return [{"id": message.id} for message in posted]


def _get(session: Session, call: Call) -> Json:
    conversations.get(session, call.conversation_key)
    return shown(session, call.services.links, [messages.get(session, call.conversation_key, call.id("messageId"))])[0]


def _list(session: Session, call: Call) -> list[Json]:
    key = call.conversation_key
    conversations.get(session, key)
    reader, after = call.query_id("asUser"), call.query_id("startingAfter")
    until = None if reader is None else visibility.horizon(session, ParticipantKey(key, reader))
    found = messages.page(session, key, call.page_limit(), after, until=until)
    return shown(session, call.services.links, found)
