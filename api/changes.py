"""Log of participation changes: get one, list a conversation's."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from sqlalchemy.orm import Session

from api import wire
from api.request import Call
from api.routing import route
from api.schemas.changes import Change
from api.schemas.types import Id, Page, PageQuery
from mailtalk.changes import log
from mailtalk.conversations import conversations
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.ids import CHANGE, ConversationKey

TAG = "Changes"


class ChangeQuery(PageQuery, rename="camel", kw_only=True):
    """Query of a conversation's changes."""

    conversation_id: Annotated[Id, Meta(description="The conversation.")]
    user_id: Annotated[Id, Meta(description="Only the changes of this user.")] | UnsetType = UNSET


@route("GET", "/changes", TAG, missing=[ErrorCode.CONVERSATION_NOT_FOUND])
def list_changes(session: Session, call: Call, query: ChangeQuery) -> Page[Change]:
    """List a conversation's changes, newest first.

    `appliedSeq` is the order in which they took effect.
    """
    key = ConversationKey(call.app_id, query.conversation_id)
    conversations.get(session, key)
    before = wire.cursor(CHANGE, query.after)
    user_id = query.user_id or None
    rows = log.log(session, key, user_id=user_id, before=before, limit=query.limit)
    return Page([Change.logged(row) for row in rows])


@route("GET", "/changes/{changeId}", TAG)
def get_change(session: Session, call: Call) -> Change:
    """Get a change of participation.

    `Operation-Location` points here: it shows whether a join, update or leave has been applied.
    """
    change_id = CHANGE.read(call.id("changeId"))
    row = None if change_id is None else log.get(session, call.app_id, change_id)
    if row is None:
        raise NotFound({"changeId": ["not found"]})
    return Change.of(row)
