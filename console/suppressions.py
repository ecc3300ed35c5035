"""Suppressed addresses of an app: why nothing is sent to them, and their release."""

from sqlalchemy.orm import Session
from starlette.responses import Response

from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.outbound import suppressions
from mailtalk.support import explanations

LIST = APP + "/suppressions"
PAGE = 50


@page("GET", LIST)
def list_suppressions(session: Session, visit: ConsoleRequest) -> Response:
    """List them by address."""
    apps.found(session, visit.app_id)
    rows = suppressions.listed(session, clock.now(), visit.app_id, PAGE + 1, visit.query.get("after", ""))
    shown = [(row, explanations.suppression(row)) for row in rows[:PAGE]]
    return visit.show("suppressions.html", rows=shown, more=len(rows) > PAGE)


@page("POST", LIST)
def release(session: Session, visit: ConsoleRequest) -> Response:
    """Release one: it is mailed again."""
    address = visit.form.get("address", "")
    if not suppressions.release(session, visit.app_id, [address]):
        raise NotFound([f"{address} is not suppressed"], ErrorCode.SUPPRESSION_NOT_FOUND)
    visit.record(session, "release a suppressed address", address=address)
    return visit.back_to(f"/console/apps/{segment(visit.app_id)}/suppressions")
