"""Conversations: put, get, list, delete, and list those of a user."""

from collections.abc import Sequence

import msgspec
from sqlalchemy.orm import Session

from api import listing, messages
from api.listing import ConversationQuery, UserConversationQuery
from api.paths import CONVERSATION, USER
from api.request import Call
from api.routing import route
from api.schemas.conversations import ConversationUpdate, UserConversation
from api.schemas.types import Empty, Page, maybe_millis
from api.versions import Version
from api.wire import Answer, Json
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations, read_marks, users, visibility
from mailtalk.conversations.messages import page
from mailtalk.conversations.visibility import Seen
from mailtalk.errors import ErrorCode
from mailtalk.events import schemas, serializers
from mailtalk.ids import ParticipantKey
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind

TAG = "Conversations"


@route("GET", "/conversations", TAG)
def list_conversations(session: Session, call: Call, query: ConversationQuery) -> Page[schemas.Conversation]:
    """List conversations."""
    seen = visibility.of_app(session, call.app_id, listing.read(query, call.version))
    return Page(_shown(session, call, seen))


@route("GET", USER + "/conversations", TAG, missing=[ErrorCode.USER_NOT_FOUND])
def list_user_conversations(session: Session, call: Call, query: UserConversationQuery) -> Page[UserConversation]:
    """List a user's conversations.

    Each as this user may see it: frozen when their access is `None`, or when they left by a version before 2021-07-30.
    The list of an unknown user is empty before version 2024-01-01, and a 404 since.
    """
    asked = listing.read(query, call.version)
    if not call.version.lists_unknown_user:
        users.get(session, call.app_id, call.user_id)
    seen = visibility.of_user(session, call.app_id, call.user_id, asked)
    shown = _shown(session, call, seen)
    return Page(
        [
            UserConversation(
                **msgspec.structs.asdict(conversation), unread_message_count=one.unread, is_unread=one.unread > 0
            )
            for conversation, one in zip(shown, seen, strict=True)
        ]
    )


@route(
    "PUT", CONVERSATION, TAG, missing=[ErrorCode.USER_NOT_FOUND], conflict="Conflict", is_change=True, counts="joins"
)
async def put_conversation(call: Call, body: ConversationUpdate) -> Answer[Empty]:
    """Create or update a conversation.

    Null clears a field; an absent one is unchanged. `participants` adds the users who are not in the conversation yet,
    with the defaults; it overwrites and removes nobody.
    """
    key, fields = call.conversation_key, body.columns()
    added = [
        Requested(ParticipantKey(key, user_id), Request(ChangeKind.ADD), clock.now())
        for user_id in dict.fromkeys(body.participants or ())
    ]

    def put(session: Session) -> Empty:
        conversations.put(session, key, fields)
        return Empty()

    return await call.commit_changes(added, put) if added else await call.commit(put)


@route("GET", CONVERSATION, TAG, missing=[ErrorCode.CONVERSATION_NOT_FOUND])
def get_conversation(session: Session, call: Call) -> schemas.Conversation:
    """Get a conversation."""
    row = conversations.get(session, call.conversation_key)
    last = page(session, row.key, limit=1)
    members = conversations.participants(session, row.key)
    seen = Seen(row, last[0] if last else None, participants=members)
    return _shown(session, call, [seen])[0]


@route("DELETE", CONVERSATION, TAG, missing=[ErrorCode.CONVERSATION_NOT_FOUND])
def delete_conversation(session: Session, call: Call) -> None:
    """Delete a conversation.

    Permanently, with its messages, participants and inbound addresses.
    """
    conversations.delete(session, call.conversation_key, clock.now())


def _shown(session: Session, call: Call, seen: Sequence[Seen]) -> list[schemas.Conversation]:
    last = messages.shown(session, call.services.links, [one.last_message for one in seen if one.last_message])
    by_conversation = {message.conversation_id: message for message in last}
    shown = [_conversation(one, by_conversation.get(one.conversation.id), call.version) for one in seen]
    read = read_marks.of_everyone(session, [one.conversation.key for one in seen])
    for conversation, one in zip(shown, seen, strict=True):
        conversation.everyone_read_until = maybe_millis(None if one.view else read[one.conversation.key])
    return shown


def _conversation(seen: Seen, last_message: schemas.Message | None, version: Version) -> schemas.Conversation:
    conversation = serializers.conversation(seen.conversation)
    conversation.topic_id = conversation.id if version.has_topic else None
    conversation.last_message = last_message
    conversation.participants = serializers.members(seen.participants)
    return conversation if seen.view is None else _frozen(conversation, seen.view)


def _frozen(conversation: schemas.Conversation, view: Json) -> schemas.Conversation:
    conversation.subject, conversation.photo_url = view["subject"], view["photoUrl"]
    conversation.welcome_messages, conversation.custom = view["welcomeMessages"], view["custom"]
    conversation.participants = {
        user_id: schemas.ParticipantSettings(Access(kept["access"]), serializers.notify(kept["notify"]))
        for user_id, kept in view["participants"].items()
    }
    return conversation
