"""Changes of participants by an operator: the same changes as the API's, applied by a worker."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.orm import Session
from starlette.responses import Response

from console.conversations import ONE
from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import page
from mailtalk import clock
from mailtalk.changes.log import Requested
from mailtalk.conversations import read_state
from mailtalk.errors import Invalid, NotFound
from mailtalk.ids import ParticipantKey
from mailtalk.participation.rules import UNSET, Request
from mailtalk.vocabulary import Access, Actor, ChangeKind, Frequency, Notify

PARTICIPANT = ONE + "/participants/{userId}"
MUTES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
KINDS = {"leave": ChangeKind.LEAVE, "rotate": ChangeKind.ROTATE}


@page("POST", PARTICIPANT)
async def change_participant(visit: ConsoleRequest) -> Response:
    """Set access, notify, frequency or mute; `do` leaves, gives a new inbound address, or marks as read."""
    key = ParticipantKey(visit.conversation_key, visit.id("userId"))
    do = visit.form.get("do", "set")
    if do == "read":
        await visit.services.transact(lambda session: read_state.read_all(session, key))
        said = "read"
    else:
        said = await _apply(visit, Requested(key, _request(do, visit.form), clock.now()))
    await visit.services.transact(lambda session: _record(session, visit, do))
    return visit.back_to(f"/console/apps/{segment(key.app_id)}/conversations/{segment(key.conversation.id)}", said)


def _record(session: Session, visit: ConsoleRequest, do: str) -> None:
    given = {name: value for name, value in visit.form.items() if name in {"access", "notify", "frequency", "mute"}}
    target = {"conversation": visit.conversation_key.id, "user": visit.id("userId"), **given}
    visit.record(session, f"participant: {do}", **target)


async def _apply(visit: ConsoleRequest, requested: Requested) -> str:
    (receipt,) = await visit.services.intake.take([requested])
    if isinstance(receipt, NotFound):
        raise receipt
    if receipt.failure is not None:
        raise receipt.failure
    return "done" if receipt.ended else "later"


def _request(do: str, form: Mapping[str, str]) -> Request:
    if do in KINDS:
        return Request(KINDS[do], by=Actor.OPERATOR)
    mute = form.get("mute", "")
    try:
        return Request(
            ChangeKind.UPDATE,
            Access(form["access"]) if form.get("access") else None,
            Notify(form["notify"]) if form.get("notify") else None,
            clock.now() + MUTES[mute] if mute in MUTES else None if mute == "end" else UNSET,
            Frequency(form["frequency"]) if form.get("frequency") else None,
            Actor.OPERATOR,
        )
    except ValueError as error:
        raise Invalid([str(error)]) from None
