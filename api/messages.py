"""Messages: send and list."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy.orm import Session

from api.calls import Call
from api.wire import Json
from mailtalk import clock, conversations, messages, views
from mailtalk.errors import Invalid
from mailtalk.messages import TEXT_LIMIT, Draft
from mailtalk.models import Message
from mailtalk.vocabulary import MessageType, Origin


class New(msgspec.Struct, rename="camel"):
    """One message of POST's array."""

    type: Literal["UserMessage", "SystemMessage"]
    text: Annotated[str, Meta(min_length=1, max_length=TEXT_LIMIT)]
    sender: str | UnsetType | None = UNSET
    custom: dict[str, str] | UnsetType | None = UNSET


Batch = Annotated[list[New], Meta(min_length=1, max_length=10)]


async def post(call: Call) -> list[Json]:
    """POST: append 1 to 10 messages, in order."""
    batch: list[New] = await call.body(Batch)
    drafts = [_draft(i, new) for i, new in enumerate(batch)]
    posted = await call.transact(_post, call, drafts)
    return [{"id": message.id} for message in posted]


async def listed(call: Call) -> Json:
    """GET: newest first."""
    return {"data": await call.transact(_list, call)}


def shown(session: Session, message: Message) -> Json:
    """A message on the wire."""
    return {
        "id": message.id,
        "conversationId": message.conversation_id,
        "type": message.type,
        "senderId": message.sender_id,
        "text": message.text,
        "readBy": messages.readers(session, message.app_id, message.conversation_id, message),
        "origin": message.origin,
        "location": None,
        "attachment": None,
        "custom": message.custom,
        "createdAt": clock.millis(message.created_at),
        "editedAt": clock.millis(message.edited_at) if message.edited_at else None,
        "referencedMessageId": message.referenced_message_id,
    }


def _draft(i: int, new: New) -> Draft:
    is_user = MessageType(new.type) is MessageType.USER
    if is_user and not new.sender:
        raise Invalid({f"{i}.sender": ["is required for a UserMessage"]})
    sender = str(new.sender) if is_user else None
    return Draft(MessageType(new.type), new.text, Origin.REST, sender, custom=dict(new.custom or {}))


def _post(session: Session, call: Call, drafts: list[Draft]) -> list[Message]:
    conversation = conversations.lock(session, call.app_id, call.id("conversationId"))
    return messages.post(session, clock.now(), call.services.pace, conversation, drafts)


def _list(session: Session, call: Call) -> list[Json]:
    conversation_id = call.id("conversationId")
    conversations.get(session, call.app_id, conversation_id)
    query = call.request.query_params
    reader = query.get("asUser")
    until = None if reader is None else views.horizon(session, call.app_id, conversation_id, reader)
    after = query.get("startingAfter")
    found = messages.page(session, call.app_id, conversation_id, call.page_limit(), after, until=until)
    return [shown(session, message) for message in found]
