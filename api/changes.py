"""The log of participation changes: one of them, or a conversation's."""

from sqlalchemy.orm import Session

from api import intake, wire
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.changes import log as change_log
from mailtalk.conversations import conversations
from mailtalk.errors import Invalid, NotFound
from mailtalk.ids import CHANGE, ConversationKey
from mailtalk.models import Change


async def get(call: Call) -> Json:
    """GET one change of the log."""
    change_id = CHANGE.read(call.id("changeId"))
    row = None if change_id is None else await call.transact(change_log.get, call.app_id, change_id)
    if row is None:
        raise NotFound({"changeId": ["no such change"]})
    return intake.shown(row)


async def listed(call: Call) -> Json:
    """GET a conversation's changes, newest first; of one user when `userId` is given."""
    return {"data": [_logged(row) for row in await call.transact(_listed, call)]}


def _listed(session: Session, call: Call) -> list[Change]:
    conversation_id = _id(call, "conversationId")
    if conversation_id is None:
        raise Invalid({"conversationId": ["is required"]})
    key = ConversationKey(call.app_id, conversation_id)
    conversations.get(session, key)
    return change_log.log(
        session,
        key,
        user_id=_id(call, "userId"),
        before=wire.cursor(CHANGE, _id(call, "startingAfter")),
        limit=call.page_limit(),
    )


def _id(call: Call, name: str) -> str | None:
    value = call.request.query_params.get(name)
    return None if value is None else wire.checked_id(name, value)


def _logged(row: Change) -> Json:
    """A change with its place in the order and what it asked for, as far as it was given."""
    asked = {
        **({"access": row.access} if row.access else {}),
        **({"notify": wire.notify_out(row.notify)} if row.notify else {}),
        **({"muteUntil": row.mute_until and clock.iso(row.mute_until)} if row.mute_given else {}),
        **({"frequency": row.frequency} if row.frequency else {}),
    }
    return intake.shown(row) | {"appliedSeq": row.applied_seq} | asked
