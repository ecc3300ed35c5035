"""Bulk changes of a conversation's participants: many in one request, each with its own result."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api import errors, intake, participants, wire
from api.intake import Receipt
from api.participants import NO_CONVERSATION, TAG
from api.paths import PARTICIPANTS
from api.request import Call
from api.routing import route
from api.schemas.participants import (
    MOST_ACTIONS,
    Action,
    ActionId,
    ActionResult,
    ActionResults,
    JoinAction,
    LeaveAction,
    ParticipantActions,
    UpdateAction,
    change,
)
from api.wire import Answer
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations
from mailtalk.errors import Invalid, MailtalkError, NotFound
from mailtalk.ids import CHANGE, ParticipantKey
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind

ACTION: Any = Action  # a union is no type[…] to mypy


class RawActions(msgspec.Struct):
    """Body of a bulk POST. Actions are decoded one by one, so that a malformed one does not affect the others."""

    actions: Annotated[list[msgspec.Raw], Meta(max_length=MOST_ACTIONS)]


class Malformed(msgspec.Struct):
    """Id of a malformed action, for its result."""

    id: ActionId


@route("POST", PARTICIPANTS, TAG, missing=NO_CONVERSATION, body_schema=ParticipantActions, takes_prefer=True)
async def change_participants(call: Call, body: RawActions) -> Answer[ActionResults]:
    """Join, update and leave, up to 1,000 at once.

    Actions are applied in the order given, each with its own result: one that fails does not undo the others. A
    malformed action has a result with status 400; the answer itself is still 200.
    """
    await call.services.transact(lambda session: conversations.get(session, call.conversation_key))
    read = [_read(call, bytes(raw)) for raw in body.actions]
    requested = [action for _, action in read if isinstance(action, Requested)]
    taken = await call.services.intake.take(requested, call.prefer, call.claim) if requested else []
    rest = iter(taken)
    results = [
        _result(action_id, next(rest) if isinstance(action, Requested) else action) for action_id, action in read
    ]
    return wire.reply(ActionResults(results), headers=intake.replayed(taken))


def _read(call: Call, raw: bytes) -> tuple[int | str | None, Requested | Invalid]:
    try:
        action: Action = wire.decode(raw, ACTION)
        return action.id, _requested(call, action)
    except Invalid as error:
        return _id(raw), error


def _requested(call: Call, action: Action) -> Requested:
    try:
        request = _request(call, action)
    except Invalid as error:
        raise wire.within("params", error) from None
    return Requested(ParticipantKey(call.conversation_key, action.params.user_id), request, clock.now())


def _request(call: Call, action: Action) -> Request:
    match action:
        case JoinAction():
            return change(ChangeKind.JOIN, action.params)
        case UpdateAction():
            return participants.update(call, action.params)
        case LeaveAction():
            return participants.leave(call)


def _id(raw: bytes) -> int | str | None:
    try:
        return wire.decode(raw, Malformed).id
    except Invalid:
        return None


def _result(action_id: int | str | None, outcome: Receipt | NotFound | Invalid) -> ActionResult:
    if not isinstance(outcome, Receipt):
        return _refused(action_id, outcome)
    if outcome.failure is not None:
        result = _refused(action_id, outcome.failure)
    else:
        result = ActionResult(id=action_id, status=200 if outcome.ended else 202)
    result.change_id = CHANGE.show(outcome.id)
    return result


def _refused(action_id: int | str | None, error: MailtalkError) -> ActionResult:
    status, content = errors.stated(error)
    return ActionResult(id=action_id, status=status, error_code=content.error_code, reasons=content.reasons)
