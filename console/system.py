"""Queues, workers and relays with charts of the last hour or day; failures; and the audit log."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import Response

from console import charts
from console.requests import ConsoleRequest
from console.routing import APP, ROOT, page
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.ids import EVENT
from mailtalk.support import advice, audit, deliveries, failures, queue_history, queues
from mailtalk.support.deliveries import DeliveryFilter
from mailtalk.support.queue_history import QueueHistory
from mailtalk.vocabulary import Stage

PERIODS = {"hour": (timedelta(hours=1), 12), "day": (timedelta(days=1), 24)}
PAGE = 50
DAY = timedelta(days=1)


@page("GET", ROOT + "/queues")
def show_queues(session: Session, visit: ConsoleRequest) -> Response:
    """Show each queue: depth, age, rates, and a chart. The numbers are of all apps, and name none to others."""
    now, period = clock.now(), visit.query.get("period", "hour")
    span, spans = PERIODS.get(period, PERIODS["hour"])
    status = queues.read(session, now)
    history = queue_history.read(session, now, span, spans)
    drawn = {name: charts.draw(*series, _title(series, period)) for name, series in history.items()}
    sees_all = visit.login.app_id is None
    return visit.show(
        "queues.html",
        system=status,
        charts=drawn,
        counted=queue_history.MOST,
        partial=[name for name, series in history.items() if not series.is_complete],
        period=period,
        problems=advice.findings(status) if sees_all else [],
        failed=_failures(session, visit.login.app_id, now - DAY),
        sees_all=sees_all,
    )


def _title(series: QueueHistory, period: str) -> str:
    least = "" if series.is_complete else "at least "
    return f"{least}{sum(series.arrived)} arrived and {sum(series.done)} were done in the last {period}"


def _failures(session: Session, app_id: str | None, since: datetime) -> dict[str, Any]:
    """The newest failures of one app or of all: mails that went out, mails that came in, and events for webhooks."""
    events = failures.webhooks(session, app_id, since, PAGE)
    return {
        "letters": deliveries.page(session, DeliveryFilter(app_id, [Stage.FAILED], since=since), limit=PAGE),
        "mails": failures.inbound(session, app_id, since, PAGE),
        "events": [(EVENT.show(row.event_id), row) for row in events],
    }


@page("GET", ROOT + "/audit")
def show_audit(session: Session, visit: ConsoleRequest) -> Response:
    """Show what was done in the console, newest first; of the login's app, or of all."""
    before = visit.query.get("before", "")
    entries = audit.page(session, visit.login.app_id, PAGE + 1, int(before) if before.isdecimal() else None)
    return visit.show("audit.html", entries=entries[:PAGE], more=len(entries) > PAGE)


@page("POST", APP + "/mails/resend")
def resend_failed(session: Session, visit: ConsoleRequest) -> Response:
    """Queue all mails of the app again that failed within a day."""
    app = apps.found(session, visit.app_id)
    visit.record(session, "send failed mails again")
    wanted = DeliveryFilter(app.id, [Stage.FAILED], since=clock.now() - DAY)
    deliveries.retry(session, clock.now(), wanted)
    return visit.back_to(ROOT + "/queues", "queued")
