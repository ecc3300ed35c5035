"""Conversations: put, get, list, delete; and a user's list of them."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import listing, messages, wire
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations, users, visibility
from mailtalk.conversations.messages import page
from mailtalk.conversations.visibility import Listing, Seen
from mailtalk.events import serializers
from mailtalk.files import Links
from mailtalk.ids import ParticipantKey
from mailtalk.participation.rules import Request
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


async def put(call: Call) -> Response:
    """PUT: create or merge; whom `participants` names and who is absent joins, by the worker."""
    body = await call.body(Put)
    key = call.conversation_key
    added = [
        Requested(ParticipantKey(key, wire.checked_id("participants", user_id)), Request(ChangeKind.ADD), clock.now())
        for user_id in dict.fromkeys(body.participants or ())
    ]
    fields = wire.given(body, COLUMNS)
    put_it = (conversations.put, key, fields)
    return await call.commit_changes(added, *put_it) if added else await call.commit(*put_it)


async def get(call: Call) -> Json:
    """GET: the conversation, its last message, and who takes part now."""
    return await call.transact(_get, call)


async def listed(call: Call) -> Json:
    """GET: the app's conversations."""
    return {"data": await call.transact(_listed, call, listing.of(call))}


async def of_user(call: Call) -> Json:
    """GET: the conversations in a user's list, each as this user may see it."""
    return {"data": await call.transact(_of_user, call, listing.of(call))}


async def delete(call: Call) -> Response:
    """DELETE: the conversation and all that is in it, for good."""
    return await call.commit(conversations.delete, call.conversation_key, clock.now())


def _get(session: Session, call: Call) -> Json:
    row = conversations.get(session, call.conversation_key)
    last = page(session, row.key, limit=1)
    members = conversations.participants(session, row.key)
    return shown(session, call.services.links, [Seen(row, last[0] if last else None, participants=members)])[0]


def _listed(session: Session, call: Call, asked: Listing) -> list[Json]:
    return shown(session, call.services.links, visibility.of_app(session, call.app_id, asked))


def _of_user(session: Session, call: Call, asked: Listing) -> list[Json]:
    user_id = call.id("userId")
    if not call.version.lists_unknown_user:
        users.get(session, call.app_id, user_id)
    seen = visibility.of_user(session, call.app_id, user_id, asked)
    return [
        each | {"unreadMessageCount": one.unread, "isUnread": one.unread > 0}
        for each, one in zip(shown(session, call.services.links, seen), seen, strict=True)
    ]


def shown(session: Session, links: Links, seen: Sequence[Seen]) -> list[Json]:
    """Conversations on the wire, as their reader sees them."""
    last = messages.shown(session, links, [each.last_message for each in seen if each.last_message])
    by_conversation = {message["conversationId"]: message for message in last}
    return [_shown(each, by_conversation.get(each.conversation.id)) for each in seen]


def _shown(seen: Seen, last_message: Json | None) -> Json:
    row = seen.conversation
    content = serializers.conversation(row) | {
        "lastMessage": last_message,
        "participants": serializers.members(seen.participants),
    }
    return content | (_frozen(seen.view) if seen.view is not None else {})


def _frozen(view: Json) -> Json:
    members = {
        user_id: {"access": each["access"], "notify": wire.notify_out(each["notify"])}
        for user_id, each in view["participants"].items()
    }
    return view | {"participants": members}
