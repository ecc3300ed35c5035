"""Mails in and out on one time line, of an app, a conversation or a user; and the quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import literal, select, tuple_, union_all
from sqlalchemy.orm import Session, defer
from starlette.responses import Response

from console.letters import mail_id
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk.conversations import apps
from mailtalk.models import Delivery, InboundMail, Message, Participation
from mailtalk.support import deliveries
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
    more = _next(visit, rows[:PAGE]) if len(rows) > PAGE else None
    return visit.show("mails.html", rows=rows[:PAGE], more=more, wanted=wanted)


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
    query = query.where(*_chosen(visit, InboundMail))
    if visit.query.get("show") == "trouble":
        query = query.where(InboundMail.outcome.in_(TROUBLE[INCOMING]))
    if (last := visit.query.get("came", "")).isdecimal():
        query = query.where(InboundMail.id < int(last[:18]))
    return [
        MailRow(
            INCOMING, str(row.id), row.received_at, row.outcome, row.user_id, row.conversation_id, row.verdict, text
        )
        for row, text in session.execute(query.order_by(InboundMail.id.desc()).limit(PAGE + 1))
    ]


def _outgoing(session: Session, visit: ConsoleRequest) -> Sequence[MailRow]:
    if visit.query.get("show") == INCOMING:
        return ()
    place = tuple_(Delivery.created_at, Delivery.id)
    conditions = _chosen(visit, Delivery)
    if last := visit.query.get("went"):
        report = deliveries.get(session, mail_id(last), visit.app_id)
        conditions.append(place < tuple_(report.created_at, report.id))
    stages = TROUBLE[OUTGOING] if visit.query.get("show") == "trouble" else tuple(Stage)
    newest = select(Delivery.app_id, Delivery.id).where(*conditions)
    ordered = newest.order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(PAGE + 1)
    # The newest of each stage come from an index that has them in this order.
    ids = union_all(*(select(ordered.where(Delivery.stage == stage).subquery()) for stage in stages)).subquery()
    query = select(Delivery).options(defer(Delivery.body_sealed))
    query = query.join(ids, (ids.c.app_id == Delivery.app_id) & (ids.c.id == Delivery.id))
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


def _chosen(visit: ConsoleRequest, model: Any) -> list[Any]:
    """Conditions for the app, and for the conversation and user of the query."""
    conversation_id, user_id = visit.query.get("conversation"), visit.query.get("user")
    conditions = [model.app_id == visit.app_id]
    if conversation_id:
        conditions.append(model.conversation_id == conversation_id)
    elif user_id:  # the indexes begin with the conversation; a digest has none
        own = select(Participation.conversation_id).filter_by(app_id=visit.app_id, user_id=user_id)
        conditions.append(model.conversation_id.in_(union_all(own, select(literal("")))))
    if user_id:
        conditions.append(model.user_id == user_id)
    return conditions


def _next(visit: ConsoleRequest, rows: Sequence[MailRow]) -> Mapping[str, str]:
    """Places after the last shown mail of each direction, for the query of the next page."""
    names = {INCOMING: "came", OUTGOING: "went"}
    places = {name: visit.query[name] for name in names.values() if name in visit.query}
    return places | {names[row.way]: row.id for row in rows}
