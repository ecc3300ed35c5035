"""Mails in and out on one time line, of an app, a conversation or a user; and the quarantine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer
from starlette.responses import Response

from console import rendering
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk.conversations import apps
from mailtalk.models import Delivery, InboundMail, Message
from mailtalk.vocabulary import Outcome, Stage

PAGE = 40
OUTGOING, INCOMING = "out", "in"
TROUBLE = {INCOMING: (Outcome.FAILED, Outcome.REFUSED, Outcome.QUARANTINED), OUTGOING: (Stage.FAILED, Stage.HELD)}


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail of either direction in a list."""

    way: str
    id: str
    at: datetime
    stage: str
    user_id: str | None
    conversation_id: str | None
    note: str | None
    text: str | None = None


@page("GET", APP + "/mails")
def list_mails(session: Session, visit: ConsoleRequest) -> Response:
    """List mails of both directions, newest first."""
    apps.found(session, visit.app_id)
    rows = sorted((*_incoming(session, visit), *_outgoing(session, visit)), key=lambda row: row.at, reverse=True)
    wanted = {name: visit.query.get(name) for name in ("conversation", "user", "show")}
    return visit.show("mails.html", rows=rows[:PAGE], more=len(rows) > PAGE, wanted=wanted)


@page("GET", APP + "/quarantine")
def list_quarantine(session: Session, visit: ConsoleRequest) -> Response:
    """List mails that wait for a decision."""
    apps.found(session, visit.app_id)
    query = select(InboundMail).filter_by(app_id=visit.app_id, outcome=Outcome.QUARANTINED)
    rows = session.scalars(query.order_by(InboundMail.id.desc()).limit(PAGE)).all()
    return visit.show("quarantine.html", rows=rows)


def _incoming(session: Session, visit: ConsoleRequest) -> Sequence[MailRow]:
    if visit.query.get("show") == OUTGOING:
        return ()
    query: Any = select(InboundMail, Message.text).outerjoin(
        Message, (Message.app_id == InboundMail.app_id) & (Message.id == InboundMail.posted_as)
    )
    query = _filtered(visit, query, InboundMail, InboundMail.received_at)
    if visit.query.get("show") == "trouble":
        query = query.where(InboundMail.outcome.in_(TROUBLE[INCOMING]))
    return [
        MailRow(
            INCOMING, str(row.id), row.received_at, row.outcome, row.user_id, row.conversation_id, row.verdict, text
        )
        for row, text in session.execute(query.order_by(InboundMail.id.desc()).limit(PAGE + 1))
    ]


def _outgoing(session: Session, visit: ConsoleRequest) -> Sequence[MailRow]:
    if visit.query.get("show") == INCOMING:
        return ()
    query = _filtered(visit, select(Delivery).options(defer(Delivery.body_sealed)), Delivery, Delivery.created_at)
    if visit.query.get("show") == "trouble":
        query = query.where(Delivery.stage.in_(TROUBLE[OUTGOING]))
    rows = session.scalars(query.order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(PAGE + 1))
    return [
        MailRow(
            OUTGOING,
            str(row.id),
            row.created_at,
            "bounced" if row.bounced_at else row.stage,
            row.user_id,
            row.conversation_id,
            row.address,
            row.reply if row.stage != Stage.CAPTURED else None,
        )
        for row in rows
    ]


def _filtered(visit: ConsoleRequest, query: Any, model: Any, moment: Any) -> Any:
    """Rows of the app, of the conversation and user of the query, and before its time."""
    columns = {"conversation_id": visit.query.get("conversation"), "user_id": visit.query.get("user")}
    query = query.where(model.app_id == visit.app_id)
    for name, value in columns.items():
        query = query.where(getattr(model, name) == value) if value else query
    before = rendering.time_of(visit.query.get("before"))
    return query if before is None else query.where(moment < before)
