"""Webhooks: put, get, list, delete; a new secret, the log, a replay, a test."""

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import Row
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import listing, wire
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.errors import Invalid
from mailtalk.ids import DELIVERY, EVENT
from mailtalk.models import Webhook
from mailtalk.vocabulary import EventType, Stage
from mailtalk.webhooks import endpoints, log
from mailtalk.webhooks.endpoints import EndpointSpec
from mailtalk.webhooks.log import ReplayRange

ID = r"[A-Za-z0-9_-]{1,64}"
STAGES = (Stage.QUEUED, Stage.SENT, Stage.FAILED, Stage.CANCELLED)
MOST_IDS = 1_000
EventId = Annotated[str, Meta(pattern=EVENT.pattern)]


class Put(msgspec.Struct, rename="camel"):
    """Body of PUT: the endpoint as it is to be; without a secret it keeps its own, or one is made."""

    url: Annotated[str, Meta(max_length=2_000)]
    secret: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    events: Annotated[list[EventType], Meta(min_length=1)] | UnsetType | None = UNSET
    ordered: Annotated[
        bool,
        Meta(
            description="True: an event that fails holds back the later ones of its conversation until it is taken or "
            "given up. False (the default): for at most 60 s; then it is tried alone."
        ),
    ] = False


class Replay(msgspec.Struct, rename="camel"):
    """Body of replay: a time, in milliseconds, its end excluded; or the ids of events."""

    start: int | UnsetType = msgspec.field(default=UNSET, name="from")
    end: int | UnsetType = msgspec.field(default=UNSET, name="to")
    event_ids: Annotated[list[EventId], Meta(min_length=1, max_length=MOST_IDS)] | UnsetType = UNSET


async def put(call: Call) -> Response:
    """PUT: make or change; a secret that was made is in this answer only."""
    body = await call.body(Put)
    spec = EndpointSpec(body.url, body.events or None, body.secret or None, body.ordered)
    return await _with_secret(call, await call.commit(_put, call, spec))


async def rotate(call: Call) -> Response:
    """POST: a new secret, in this answer only; the one before signs too for a day."""
    return await _with_secret(call, await call.commit(_rotate, call))


async def get(call: Call) -> Json:
    """GET: how it is set, and whether it takes what it is told."""
    return shown(await call.transact(endpoints.get, call.app_id, _id(call)))


async def listed(call: Call) -> Json:
    """GET: all of the app's, by id."""
    return {"data": [shown(row) for row in await call.transact(endpoints.listed, call.app_id)]}


async def delete(call: Call) -> Response:
    """DELETE: nothing more is told to it."""
    return await call.commit(endpoints.delete, clock.now(), call.app_id, _id(call))


async def deliveries(call: Call) -> Json:
    """GET: what it was told, newest first; of a stage when `stage` is given."""
    return {"data": await call.transact(_deliveries, call, _stage(call), _before(call))}


async def replay(call: Call) -> Response:
    """POST: tell it again what happened in a time, or these events."""
    return await call.commit(_replay, call, _span(await call.body(Replay)))


async def test(call: Call) -> Response:
    """POST: tell it of a test; look at the deliveries for how it went."""
    return await call.commit(_test, call)


def shown(row: Webhook) -> Json:
    """An endpoint on the wire, without its secret."""
    return {
        "id": row.id,
        "url": row.url,
        "events": row.events,
        "ordered": row.ordered,
        "status": row.status,
        "reason": row.reason,
        "failingSince": clock.millis(row.failing_since) if row.failing_since else None,
        "secretSince": clock.millis(row.secret_since),
        "createdAt": clock.millis(row.created_at),
    }


def _put(session: Session, call: Call, spec: EndpointSpec) -> Json:
    services = call.services
    row, made = endpoints.put(session, services.keyring, services.guard, clock.now(), call.app_id, _id(call), spec)
    return shown(row) | ({"secret": ""} if made else {})


def _rotate(session: Session, call: Call) -> Json:
    row = endpoints.rotate(session, call.services.keyring, clock.now(), call.app_id, _id(call))
    return shown(row) | {"secret": ""}


async def _with_secret(call: Call, kept: Response) -> Response:
    """The answer with the secret it speaks of, which is not kept with the answers of Idempotency-Keys."""
    content: Json = msgspec.json.decode(bytes(kept.body))
    if "secret" in content:
        content["secret"] = await call.transact(_secret, call, content["secretSince"])
        kept.body = msgspec.json.encode(content)
        kept.headers["Content-Length"] = str(len(kept.body))
    return kept


def _secret(session: Session, call: Call, since: int) -> str | None:
    row = endpoints.get(session, call.app_id, _id(call))
    return endpoints.secret_of(row, call.services.keyring) if clock.millis(row.secret_since) == since else None


def _deliveries(session: Session, call: Call, stage: str | None, before: int | None) -> list[Json]:
    row = endpoints.get(session, call.app_id, _id(call))
    return [_delivery(each) for each in log.page(session, row, call.page_limit(), stage=stage, before=before)]


def _delivery(row: Row[tuple[object, ...]]) -> Json:
    def moment(name: str) -> int | None:
        value = getattr(row, name)
        return clock.millis(value) if value else None

    return {
        "id": DELIVERY.show(row.id),
        "eventId": EVENT.show(row.event_id),
        "type": row.type,
        "conversationId": row.conversation_id,
        "sequence": row.seq,
        "stage": row.stage,
        "attempts": row.attempts,
        "status": row.status,
        "reply": row.reply,
        "createdAt": moment("created_at"),
        "triedAt": moment("tried_at"),
        "nextTryAt": moment("not_before"),
        "endedAt": moment("ended_at"),
    }


def _replay(session: Session, call: Call, span: ReplayRange) -> Json:
    row = endpoints.get(session, call.app_id, _id(call))
    return {"count": log.replay(session, clock.now(), row, span)}


def _test(session: Session, call: Call) -> Json:
    row = endpoints.get(session, call.app_id, _id(call))
    return {"eventId": EVENT.show(log.send_test(session, clock.now(), row))}


def _span(body: Replay) -> ReplayRange:
    if (body.event_ids is UNSET) == (body.start is UNSET and body.end is UNSET):
        raise Invalid({"from": ["give a time (from, to), or eventIds"]})
    given = () if body.event_ids is UNSET else body.event_ids
    ids = [number for number in map(EVENT.read, given) if number is not None]
    start = None if body.start is UNSET else listing.moment("from", body.start)
    return ReplayRange(ids, start, None if body.end is UNSET else listing.moment("to", body.end))


def _id(call: Call) -> str:
    name = call.id("webhookId")
    if not re.fullmatch(ID, name):
        raise Invalid({"webhookId": ["must be 1 to 64 letters, digits, _ and -"]})
    return name


def _stage(call: Call) -> str | None:
    value = call.request.query_params.get("stage")
    if value is not None and value not in STAGES:
        raise Invalid({"stage": [f"must be one of {', '.join(STAGES)}"]})
    return value


def _before(call: Call) -> int | None:
    return wire.cursor(DELIVERY, call.query_id("startingAfter"))
