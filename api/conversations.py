"""Conversations: put and get."""

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import messages, wire
from api.calls import Call
from api.wire import Json
from mailtalk import clock, conversations
from mailtalk.changes import Requested
from mailtalk.messages import page
from mailtalk.models import Conversation
from mailtalk.participation import Request
from mailtalk.vocabulary import ChangeKind

Text = str | None | UnsetType


class Put(msgspec.Struct, rename="camel"):
    """Body of PUT; null clears, what is missing stays; participants are added, never overwritten."""

    subject: Text = UNSET
    photo_url: Text = UNSET
    welcome_messages: list[str] | UnsetType | None = UNSET
    custom: dict[str, str | None] | UnsetType | None = UNSET
    participants: list[str] | UnsetType = UNSET


COLUMNS = {name: name for name in Put.__struct_fields__ if name != "participants"}


async def put(call: Call) -> Response | Json:
    """PUT: create or merge; whom `participants` names and who is absent joins, by the worker."""
    body = await call.body(Put)
    conversation_id = call.id("conversationId")
    added = [
        Requested(
            call.app_id,
            conversation_id,
            wire.checked_id("participants", user_id),
            Request(ChangeKind.ADD),
            clock.now(),
        )
        for user_id in dict.fromkeys(body.participants or ())
    ]
    fields = wire.given(body, COLUMNS)
    if fields.get("custom", UNSET) is None:
        fields["custom"] = {}
    await call.transact(conversations.put, call.app_id, conversation_id, fields)
    return await call.services.intake.change(added, call.request.headers.get("prefer", "")) if added else {}


async def get(call: Call) -> Json:
    """GET: the conversation, its last message, and who takes part now."""
    return await call.transact(_get, call)


def _get(session: Session, call: Call) -> Json:
    row = conversations.get(session, call.app_id, call.id("conversationId"))
    return shown(session, row)


def shown(session: Session, row: Conversation) -> Json:
    """A conversation on the wire."""
    last = page(session, row.app_id, row.id, limit=1)
    participants = conversations.participants(session, row.app_id, row.id)
    return {
        "id": row.id,
        "subject": row.subject,
        "photoUrl": row.photo_url,
        "welcomeMessages": row.welcome_messages,
        "custom": row.custom,
        "lastMessage": messages.shown(session, last[0]) if last else None,
        "participants": {
            each.user_id: {"access": each.access, "notify": wire.notify_out(each.notify)} for each in participants
        },
        "createdAt": clock.millis(row.created_at),
        "topicId": None,
    }
