"""Change log of an app's participations, newest first."""

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk.conversations import apps
from mailtalk.ids import CHANGE
from mailtalk.models import Change

PAGE = 50


@page("GET", APP + "/changes")
def list_changes(session: Session, visit: ConsoleRequest) -> Response:
    """List changes, also of one conversation."""
    apps.found(session, visit.app_id)
    conversation_id, before = visit.query.get("conversation"), CHANGE.read(visit.query.get("before", ""))
    query = select(Change).where(Change.app_id == visit.app_id)
    if conversation_id:
        query = query.where(Change.conversation_id == conversation_id)
    if before is not None:
        query = query.where(Change.id < before)
    rows = session.scalars(query.order_by(Change.id.desc()).limit(PAGE + 1)).all()
    shown = [(CHANGE.show(row.id), row) for row in rows[:PAGE]]
    return visit.show("changes.html", rows=shown, more=len(rows) > PAGE, conversation_id=conversation_id)
