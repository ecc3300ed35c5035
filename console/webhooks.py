"""Webhooks of an app: their state and log; test, resume, and replay of events."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import Response

from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import Invalid
from mailtalk.ids import DELIVERY, EVENT
from mailtalk.vocabulary import EventType
from mailtalk.webhooks import endpoints, log
from mailtalk.webhooks.log import ReplayRange

LIST = APP + "/webhooks"
ONE = LIST + "/{webhookId}"
PAGE = 50
STAGES = ("queued", "sent", "failed", "cancelled")
EVENTS = [each for each in EventType if each is not EventType.WEBHOOK_TEST]
REPLAYED = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@page("GET", LIST)
def list_webhooks(session: Session, visit: ConsoleRequest) -> Response:
    """List the app's webhooks."""
    apps.found(session, visit.app_id)
    return visit.show("webhooks.html", rows=endpoints.listed(session, visit.app_id), events=EVENTS)


@page("GET", ONE)
def show_webhook(session: Session, visit: ConsoleRequest) -> Response:
    """Show a webhook and its newest deliveries."""
    row = endpoints.get(session, visit.app_id, visit.id("webhookId"))
    stage = visit.query.get("stage")
    before = DELIVERY.read(visit.query.get("before", ""))
    entries = log.page(session, row, PAGE + 1, stage=stage if stage in STAGES else None, before=before)
    ids = {entry.id: (DELIVERY.show(entry.id), EVENT.show(entry.event_id)) for entry in entries}
    shown: dict[str, Any] = {"entries": entries[:PAGE], "ids": ids, "more": len(entries) > PAGE, "stage": stage}
    return visit.show("webhook.html", row=row, stages=STAGES, events=EVENTS, **shown)


@page("POST", ONE)
def act_on_webhook(session: Session, visit: ConsoleRequest) -> Response:
    """Send a test, resume it, or replay events: one, or those of the last hour or day."""
    row = endpoints.get(session, visit.app_id, visit.id("webhookId"))
    do, now = visit.form.get("do", ""), clock.now()
    visit.record(session, f"webhook: {do}", webhook=row.id, event=visit.form.get("event", ""))
    if do == "test":
        log.send_test(session, now, row)
    elif do == "resume":
        endpoints.resume(session, now, row)
    elif do == "replay":
        log.replay(session, now, row, _range(visit))
    else:
        raise Invalid({"do": ["must be test, resume or replay"]})
    return visit.back_to(f"/console/apps/{segment(visit.app_id)}/webhooks/{segment(row.id)}")


def _range(visit: ConsoleRequest) -> ReplayRange:
    event, period = EVENT.read(visit.form.get("event", "")), visit.form.get("period", "")
    if event is not None:
        return ReplayRange([event])
    if period not in REPLAYED:
        raise Invalid({"period": ["must be hour or day"]})
    return ReplayRange(start=clock.now() - REPLAYED[period])
