"""Many changes of one conversation's participants in one request, each with a result of its own."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from api import errors, intake, participants, wire
from api.intake import Receipt
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations
from mailtalk.errors import Invalid, MailtalkError, NotFound
from mailtalk.ids import CHANGE, ParticipantKey
from mailtalk.participation.rules import Request

MOST = 1_000

Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[str, Meta(max_length=wire.ID_LENGTH)]


class Joining(participants.Join, kw_only=True):
    """Whom a PUT is about, and what it sets."""

    user_id: str


class Updating(participants.Update, kw_only=True):
    """Whom a PATCH is about, and what it changes."""

    user_id: str


class Leaving(msgspec.Struct, rename="camel"):
    """Whom a DELETE is about."""

    user_id: str


class Put(msgspec.Struct, tag_field="method", tag="PUT"):
    """An action that joins."""

    id: Id
    params: Joining


class Patch(msgspec.Struct, tag_field="method", tag="PATCH"):
    """An action that updates."""

    id: Id
    params: Updating


class Delete(msgspec.Struct, tag_field="method", tag="DELETE"):
    """An action that leaves."""

    id: Id
    params: Leaving


Action = Put | Patch | Delete
ACTION: Any = Action  # a union is no type[…] to mypy


class Marked(msgspec.Struct):
    """What is left of a malformed action: its id, so that its response can be told from the others."""

    id: Id


class Post(msgspec.Struct):
    """Body of POST; each action is read on its own, so that a malformed one harms no other."""

    actions: list[msgspec.Raw]


async def post(call: Call) -> Response:
    """POST: do all that can be done, in the order given, and say of each action what became of it."""
    body = await call.body(Post)
    if len(body.actions) > MOST:
        raise Invalid({"actions": [f"must be at most {MOST:,}"]})
    await call.transact(conversations.get, call.conversation_key)
    read = [_read(call, bytes(raw)) for raw in body.actions]
    asked = [each for _, each in read if isinstance(each, Requested)]
    taken = await call.services.intake.take(asked, call.prefer, call.claim) if asked else []
    rest = iter(taken)
    results = ((mark, next(rest) if isinstance(each, Requested) else each) for mark, each in read)
    responses = [{"id": mark, **_response(result)} for mark, result in results]
    return wire.reply({"responses": responses}, headers=intake.replayed(taken))


def _read(call: Call, raw: bytes) -> tuple[Id | None, Requested | Invalid]:
    try:
        action: Action = wire.decode(raw, ACTION)
        return action.id, _requested(call, action)
    except Invalid as error:
        return _mark(raw), error


def _requested(call: Call, action: Action) -> Requested:
    try:
        user_id, request = wire.checked_id("userId", action.params.user_id), _request(call, action)
    except Invalid as error:
        raise wire.within("params", error) from None
    return Requested(ParticipantKey(call.conversation_key, user_id), request, clock.now())


def _request(call: Call, action: Action) -> Request:
    match action:
        case Put():
            return participants.join(action.params)
        case Patch():
            return participants.update(call, action.params)
        case Delete():
            return participants.leave(call)


def _mark(raw: bytes) -> Id | None:
    try:
        return wire.decode(raw, Marked).id
    except Invalid:
        return None


def _response(result: Receipt | NotFound | Invalid) -> Json:
    if not isinstance(result, Receipt):
        return _refused(result)
    change = {"changeId": CHANGE.show(result.id)}
    if result.failure is not None:
        return _refused(result.failure) | change
    return {"status": 200 if result.ended else 202} | change


def _refused(error: MailtalkError) -> Json:
    status, content = errors.stated(error)
    return {"status": status, **content}
