"""Participants: join, update and leave are changes that a worker applies; the rest are reads."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import intake, wire
from api.calls import Call
from api.wire import Json, WireNotify
from mailtalk import addresses, changes, clock, conversations
from mailtalk.changes import Requested
from mailtalk.errors import Invalid, NotFound
from mailtalk.models import Participation
from mailtalk.participation import Request
from mailtalk.vocabulary import ChangeKind, Purpose


class Join(msgspec.Struct):
    """Body of PUT; what is missing gets its default."""

    notify: WireNotify | UnsetType = UNSET
    access: Literal["ReadWrite", "Read"] | UnsetType = UNSET


class Update(msgspec.Struct):
    """Body of PATCH; what is missing stays."""

    notify: WireNotify | UnsetType = UNSET
    access: Literal["ReadWrite", "Read", "None"] | UnsetType = UNSET


async def put(call: Call) -> Response:
    """PUT: join, overwriting what was set before."""
    return await _change(call, ChangeKind.JOIN, await call.body(Join))


async def patch(call: Call) -> Response:
    """PATCH: change what is given."""
    body = await call.body(Update)
    if body.access == "None" and not call.version.knows_none:
        raise Invalid({"access": [f'"None" is not known to version {call.version.name}']})
    return await _change(call, ChangeKind.UPDATE, body)


async def delete(call: Call) -> Response:
    """DELETE: leave; idempotent."""
    kind = ChangeKind.DEPART if call.version.leave_keeps_view else ChangeKind.LEAVE
    return await _change(call, kind, Join())


async def get(call: Call) -> Json:
    """GET one participant, with access "None" too."""
    row = await call.transact(conversations.participant, call.app_id, *place(call))
    return {
        "access": row.access,
        "notify": wire.notify_out(row.notify),
        "joinedAt": clock.millis(row.joined_at),
    }


async def email(call: Call) -> Json:
    """GET the inbound address: a secret of this participant's, shown only here and in their mails."""
    local = await call.transact(_address, call)
    return {"emailAddress": f"{local}@{call.services.reply_domain}"}


async def change(call: Call) -> Json:
    """GET one change of the log."""
    row = await call.transact(changes.get, call.app_id, intake.row_id(call.id("changeId")))
    if row is None:
        raise NotFound({"changeId": ["no such change"]})
    return intake.shown(row)


def place(call: Call) -> tuple[str, str]:
    """The conversation and the user that the path names."""
    return call.id("conversationId"), call.id("userId")


async def _change(call: Call, kind: ChangeKind, body: Join | Update) -> Response:
    request = Request(kind, wire.access_in(body.access), wire.notify_in(body.notify))
    asked = Requested(call.app_id, *place(call), request, clock.now())
    return await call.services.intake.change([asked], call.request.headers.get("prefer", ""))


def _address(session: Session, call: Call) -> str:
    conversations.get(session, call.app_id, call.id("conversationId"))
    row: Participation = conversations.participant(session, call.app_id, *place(call))
    if not addresses.serves(row, Purpose.REPLY):
        raise NotFound(["this participant has no inbound address: it may not write"], "PARTICIPANT_NOT_FOUND")
    return addresses.issue(session, call.services.keyring, row, Purpose.REPLY)
