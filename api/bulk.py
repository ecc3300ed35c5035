"""Bulk changes of a conversation's participants: many in one request, each with its own result."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from sqlalchemy.orm import Session

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
    read_moment,
)
from api.wire import Answer
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations, read_state
from mailtalk.errors import Invalid, MailtalkError, NotFound, Unavailable
from mailtalk.ids import CHANGE, ParticipantKey
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind

ACTION: Any = Action  # a union is no type[…] to mypy
Outcome = Receipt | NotFound | Invalid


class RawActions(msgspec.Struct):
    """Body of a bulk POST. Actions are decoded one by one, so that a malformed one does not affect the others."""

    actions: Annotated[list[msgspec.Raw], Meta(max_length=MOST_ACTIONS)]


class Malformed(msgspec.Struct):
    """Id of a malformed action, for its result."""

    id: ActionId


class _Read(NamedTuple):
    """An action as it was read: its id, its change or what is wrong with it, and up to when it marks as read."""

    id: int | str | None
    requested: Requested | Invalid
    until: datetime | None = None


@route(
    "POST",
    PARTICIPANTS,
    TAG,
    missing=NO_CONVERSATION,
    body_schema=ParticipantActions,
    takes_prefer=True,
    counts="joins",
)
async def change_participants(call: Call, body: RawActions) -> Answer[ActionResults]:
    """Join, update and leave, up to 1,000 at once.

    Actions are applied in the order given, each with its own result: one that fails does not undo the others. A
    malformed action has a result with status 400; the answer itself is still 200.
    """
    await call.services.transact(lambda session: conversations.get(session, call.conversation_key))
    read = [_read(call, bytes(raw)) for raw in body.actions]
    requested = [action.requested for action in read if isinstance(action.requested, Requested)]
    taken = await call.services.intake.take(requested, call.prefer, call.claim) if requested else []
    rest = iter(taken)
    ended = [(action, next(rest) if isinstance(action.requested, Requested) else action.requested) for action in read]
    late = await _mark_read(call, ended)
    results = [_result(action.id, late.get(i, outcome)) for i, (action, outcome) in enumerate(ended)]
    return wire.reply(ActionResults(results), headers=intake.replayed(taken))


def _read(call: Call, raw: bytes) -> _Read:
    try:
        action: Action = wire.decode(raw, ACTION)
        return _Read(action.id, *_requested(call, action))
    except Invalid as error:
        return _Read(_id(raw), error)


def _requested(call: Call, action: Action) -> tuple[Requested, datetime | None]:
    try:
        request = _request(call, action)
        until = read_moment(action.params) if isinstance(action, UpdateAction) else None
    except Invalid as error:
        raise error.within("params") from None
    return Requested(ParticipantKey(call.conversation_key, action.params.user_id), request, clock.now()), until


def _request(call: Call, action: Action) -> Request:
    match action:
        case JoinAction():
            return change(ChangeKind.JOIN, action.params)
        case UpdateAction():
            return participants.update(call, action.params)
        case LeaveAction():
            return participants.leave(call)


async def _mark_read(call: Call, ended: Sequence[tuple[_Read, Outcome]]) -> dict[int, Unavailable]:
    """Mark messages as read by the users whose update was accepted; errors, by index, for users who are yet to join."""
    reading = {
        i: (receipt.requested.participant.user_id, action.until, receipt)
        for i, (action, receipt) in enumerate(ended)
        if action.until is not None and isinstance(receipt, Receipt) and receipt.failure is None
    }
    if not reading:
        return {}
    moments = {user_id: until for user_id, until, _ in reading.values()}

    def mark(session: Session) -> set[str]:
        key = conversations.lock(session, call.conversation_key).key
        return read_state.read_until_many(session, key, moments)

    marked = await call.services.transact(mark)
    return {
        i: Unavailable("a user has not joined yet and could not mark messages as read")
        for i, (user_id, _, receipt) in reading.items()
        if receipt.ended is None and user_id not in marked
    }


def _id(raw: bytes) -> int | str | None:
    try:
        return wire.decode(raw, Malformed).id
    except Invalid:
        return None


def _result(action_id: int | str | None, outcome: Outcome | Unavailable) -> ActionResult:
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
