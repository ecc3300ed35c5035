"""Participants: join, update and leave are changes that a worker applies; the rest are reads."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from api import wire
from api.request import Call
from api.wire import Json, WireMute, WireNotify
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations
from mailtalk.errors import Invalid
from mailtalk.models import Participation
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind


class Join(msgspec.Struct, rename="camel"):
    """Body of PUT; what is missing gets its default."""

    notify: WireNotify | UnsetType = UNSET
    access: Literal["ReadWrite", "Read"] | UnsetType = UNSET
    mute_until: WireMute | UnsetType = UNSET
    frequency: Literal["immediately", "default", "hourly", "daily"] | UnsetType = UNSET


class Update(msgspec.Struct, rename="camel"):
    """Body of PATCH; what is missing stays."""

    notify: WireNotify | UnsetType = UNSET
    access: Literal["ReadWrite", "Read", "None"] | UnsetType = UNSET
    mute_until: WireMute | UnsetType = UNSET
    frequency: Literal["immediately", "default", "hourly", "daily"] | UnsetType = UNSET


async def put(call: Call) -> Response:
    """PUT: join, overwriting what was set before."""
    return await _change(call, join(await call.body(Join)))


async def patch(call: Call) -> Response:
    """PATCH: change what is given."""
    return await _change(call, update(call, await call.body(Update)))


async def delete(call: Call) -> Response:
    """DELETE: leave; idempotent."""
    return await _change(call, leave(call))


async def get(call: Call) -> Json:
    """GET one participant, with access "None" too."""
    row = await call.transact(conversations.participant, call.participant_key)
    return shown(row, clock.now())


async def listed(call: Call) -> Json:
    """GET: who takes part now, newest join first."""
    after = call.request.query_params.get("startingAfter")
    last = None if after is None else wire.checked_id("startingAfter", after)
    rows = await call.transact(conversations.participants_page, call.conversation_key, call.page_limit(), last)
    now = clock.now()
    return {"data": [{"id": row.user_id, **shown(row, now)} for row in rows]}


def join(body: Join) -> Request:
    """A PUT as the change it asks for."""
    return _asked(ChangeKind.JOIN, body)


def update(call: Call, body: Update) -> Request:
    """A PATCH as the change it asks for; Invalid when the call's version has no access "None"."""
    if body.access == "None" and not call.version.knows_none:
        raise Invalid({"access": [f'"None" is not known to version {call.version.name}']})
    return _asked(ChangeKind.UPDATE, body)


def leave(call: Call) -> Request:
    """A DELETE as the change it asks for, which the call's version decides."""
    return Request(ChangeKind.DEPART if call.version.leave_keeps_view else ChangeKind.LEAVE)


def shown(row: Participation, now: datetime) -> Json:
    """A participant on the wire."""
    return {
        "access": row.access,
        "notify": wire.notify_out(row.notify),
        "muteUntil": wire.mute_out(row.mute_until, now),
        "frequency": row.frequency,
        "joinedAt": clock.millis(row.joined_at),
    }


async def _change(call: Call, request: Request) -> Response:
    asked = Requested(call.participant_key, request, clock.now())
    return await call.services.intake.change([asked], call.prefer, call.claim)


def _asked(kind: ChangeKind, body: Join | Update) -> Request:
    return Request(
        kind,
        wire.access_in(body.access),
        wire.notify_in(body.notify),
        wire.mute_in(body.mute_until),
        wire.frequency_in(body.frequency),
    )
