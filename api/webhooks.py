"""Webhooks: put, get, list, delete; rotate the secret, list deliveries, replay events, send a test event."""

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy.orm import Session

from api import wire
from api.paths import WEBHOOK
from api.request import Call
from api.routing import route
from api.schemas.types import Page, PageQuery, moment
from api.schemas.webhooks import (
    ReplayedEvents,
    TestEvent,
    Webhook,
    WebhookDelivery,
    WebhookReplay,
    WebhookStage,
    WebhookUpdate,
)
from api.wire import Answer
from mailtalk import clock
from mailtalk.errors import Invalid
from mailtalk.ids import DELIVERY, EVENT
from mailtalk.webhooks import endpoints, log
from mailtalk.webhooks.endpoints import EndpointSpec
from mailtalk.webhooks.log import ReplayRange

TAG = "Webhooks"
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class DeliveryQuery(PageQuery, rename="camel", kw_only=True):
    """Query of the log of deliveries."""

    stage: Annotated[WebhookStage, Meta(description="Only deliveries in this stage.")] | UnsetType = UNSET


@route("GET", "/webhooks", TAG)
def list_webhooks(session: Session, call: Call) -> Page[Webhook]:
    """List webhooks."""
    return Page([Webhook.of(row) for row in endpoints.listed(session, call.app_id)])


@route("PUT", WEBHOOK, TAG)
async def put_webhook(call: Call, body: WebhookUpdate) -> Answer[Webhook]:
    """Create or update a webhook.

    The URL is https at port 443 or 8443 and must resolve to public addresses, unless the operator allows more. Without
    `events`, or with null, the webhook gets all of them. A generated secret is in this answer only. A webhook that was
    paused or disabled gets events again, also those it missed while paused.
    """
    webhook_id, services = _id(call), call.services
    spec = EndpointSpec(body.url, body.events or None, body.secret or None, bool(body.ordered))

    def put(session: Session) -> Webhook:
        now = clock.now()
        row, made = endpoints.put(session, services.keyring, services.guard, now, call.app_id, webhook_id, spec)
        webhook = Webhook.of(row)
        webhook.secret = "" if made else UNSET
        return webhook

    return await _with_secret(call, await call.commit(put))


@route("GET", WEBHOOK, TAG)
def get_webhook(session: Session, call: Call) -> Webhook:
    """Get a webhook.

    `paused`: it failed for three days; its events are kept. `disabled`: it answered 410.
    """
    return Webhook.of(endpoints.get(session, call.app_id, _id(call)))


@route("DELETE", WEBHOOK, TAG)
def delete_webhook(session: Session, call: Call) -> None:
    """Delete a webhook."""
    endpoints.delete(session, clock.now(), call.app_id, _id(call))


@route("POST", WEBHOOK + "/rotate-secret", TAG)
async def rotate_webhook_secret(call: Call) -> Answer[Webhook]:
    """Give a webhook a new secret.

    It is in this answer only. For a day the previous one signs too, in `webhook-signature`.
    """
    webhook_id, keyring = _id(call), call.services.keyring

    def rotate(session: Session) -> Webhook:
        webhook = Webhook.of(endpoints.rotate(session, keyring, clock.now(), call.app_id, webhook_id))
        webhook.secret = ""
        return webhook

    return await _with_secret(call, await call.commit(rotate))


@route("GET", WEBHOOK + "/deliveries", TAG)
def list_deliveries(session: Session, call: Call, query: DeliveryQuery) -> Page[WebhookDelivery]:
    """List deliveries, newest first."""
    before = wire.cursor(DELIVERY, query.after)
    row = endpoints.get(session, call.app_id, _id(call))
    rows = log.page(session, row, query.limit, stage=query.stage or None, before=before)
    return Page([WebhookDelivery.of(delivery) for delivery in rows])


@route("POST", WEBHOOK + "/replay", TAG)
def replay_events(session: Session, call: Call, body: WebhookReplay) -> ReplayedEvents:
    """Replay events to a webhook.

    The events of a period (`from`, `to`, in milliseconds) that the webhook subscribes to, or those with these ids; in
    their order, with their original ids and bodies. At most 10,000 at once.
    """
    span = _span(body)
    row = endpoints.get(session, call.app_id, _id(call))
    return ReplayedEvents(log.replay(session, clock.now(), row, span))


@route("POST", WEBHOOK + "/test", TAG)
def test_webhook(session: Session, call: Call) -> TestEvent:
    """Send a test event.

    Its type is `webhook.test`; the deliveries show the result.
    """
    row = endpoints.get(session, call.app_id, _id(call))
    return TestEvent(EVENT.show(log.send_test(session, clock.now(), row)))


async def _with_secret(call: Call, answer: Answer[Webhook]) -> Answer[Webhook]:
    """Add the secret to an answer: it is not stored with the answers of Idempotency-Keys."""
    webhook = msgspec.json.decode(bytes(answer.body), type=Webhook)
    if webhook.secret is UNSET:
        return answer
    webhook_id, since = _id(call), webhook.secret_since

    def secret(session: Session) -> str | None:
        row = endpoints.get(session, call.app_id, webhook_id)
        return endpoints.secret_of(row, call.services.keyring) if clock.millis(row.secret_since) == since else None

    webhook.secret = await call.services.transact(secret)
    replayed = {name: value for name, value in answer.headers.items() if name.startswith("idempotency")}
    return wire.reply(webhook, headers=replayed)


def _span(body: WebhookReplay) -> ReplayRange:
    times = [None if value is UNSET else value for value in (body.start, body.end)]
    if bool(body.event_ids) == (times != [None, None]):
        raise Invalid({"from": ["give a time (from, to), or eventIds"]})
    ids = [number for number in map(EVENT.read, body.event_ids or ()) if number is not None]
    return ReplayRange(ids, *(None if value is None else moment("from", value) for value in times))


def _id(call: Call) -> str:
    name = call.id("webhookId")
    if not ID.fullmatch(name):
        raise Invalid({"webhookId": ["must be 1 to 64 letters, digits, _ and -"]})
    return name
