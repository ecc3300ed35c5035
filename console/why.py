"""Why did somebody get no mail? All reasons, who set each and when; by name, id or address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import any_, literal, or_, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk import clock
from mailtalk.changes import log as change_log
from mailtalk.conversations import apps
from mailtalk.ids import ParticipantKey
from mailtalk.models import Change, User
from mailtalk.outbound import suppressions
from mailtalk.support import explain, explanations
from mailtalk.support.explain import ParticipantStatus

PEOPLE, CONVERSATIONS, NOTIFICATIONS, CHANGES = 20, 20, 20, 20


@dataclass(frozen=True, slots=True)
class Explained:
    """A participant's next message and past notifications, in plain words."""

    status: ParticipantStatus
    next: str
    suppressed: Sequence[str]
    history: Sequence[Sequence[str]]
    changes: Sequence[Change]


@page("GET", APP + "/why")
def explain_mail(session: Session, visit: ConsoleRequest) -> Response:
    """Explain one participant, or find a person."""
    app = apps.found(session, visit.app_id)
    user_id, conversation_id = visit.query.get("user"), visit.query.get("conversation")
    if user_id and conversation_id:
        key = ParticipantKey.of(app.id, conversation_id, user_id)
        return visit.show("why_participant.html", explained=_explained(session, key, history=True))
    wanted = visit.query.get("q", "").strip()[:200]
    if user_id:
        return visit.show("why_user.html", **_user(session, app.id, user_id))
    people = _people(session, app.id, wanted) if wanted else []
    if len(people) == 1:
        return visit.show("why_user.html", **_user(session, app.id, people[0].id))
    return visit.show("why.html", people=people, q=wanted)


def _user(session: Session, app_id: str, user_id: str) -> dict[str, Any]:
    keys = explain.participations(session, app_id, user_id, CONVERSATIONS)
    user = session.get_one(User, (app_id, user_id))
    rows = suppressions.of(session, clock.now(), app_id, user.emails or ())
    return {
        "user": user,
        "explained": [_explained(session, key, history=False) for key in keys],
        "suppressed": [explanations.suppression(row) for row in rows],
    }


def _explained(session: Session, key: ParticipantKey, *, history: bool) -> Explained:
    status = explain.status(session, clock.now(), key)
    reports = explain.page(session, key, limit=NOTIFICATIONS) if history else []
    return Explained(
        status,
        explanations.next_message(status),
        [explanations.suppression(row) for row in status.suppressed],
        [list(explanations.outcome(report, status)) for report in reports],
        change_log.log(session, key.conversation, user_id=key.user_id, limit=CHANGES) if history else (),
    )


def _people(session: Session, app_id: str, wanted: str) -> Sequence[User]:
    """Users by id, a part of the name, or an address."""
    is_wanted = or_(
        User.id == wanted, User.name.icontains(wanted, autoescape=True), literal(wanted) == any_(User.emails)
    )
    query = select(User).where(User.app_id == app_id, is_wanted)
    return session.scalars(query.order_by(User.name, User.id).limit(PEOPLE)).all()
