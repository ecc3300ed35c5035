"""Outgoing mails as operators see them: listed by stage, time, address and app, shown, sent again, cancelled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, func, not_, or_, select, update
from sqlalchemy.orm import Session

from mailtalk.conversations import apps
from mailtalk.db import sql
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.models import App, Conversation, Delivery
from mailtalk.outbound.deliveries import DeliveryTry
from mailtalk.vocabulary import MADE_ANEW, DeliveryKind, Stage

# Stages from which an operator may act: no worker has the mail, and it is not known to have been sent.
RETRIED = (Stage.DEFERRED, Stage.FAILED, Stage.UNKNOWN, Stage.HELD, Stage.CANCELLED)
CANCELLABLE = (Stage.QUEUED, Stage.DEFERRED, Stage.UNKNOWN, Stage.HELD)
BY_OPERATOR = "by the operator"

_BY_STAGE = sql.load(
    __file__,
    "list_deliveries",
    and_stage=" and stage",
    stages="CROSS JOIN unnest(CAST(:stages AS text[])) AS s (stage)",
    condition="stage = s.stage",
)
_BY_ADDRESS = sql.load(
    __file__,
    "list_deliveries",
    and_stage="",
    stages="",
    condition="lower(address) = lower(:address) AND stage = ANY(:stages)",
)


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Filter of deliveries; what is None or empty does not restrict. `since` is about their creation."""

    app_id: str | None = None
    stages: Collection[Stage] = ()
    since: datetime | None = None
    address: str | None = None
    ids: Collection[UUID] = ()


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """An outgoing mail without its bytes; `reply` is the relay's last answer, or the reason of its end."""

    app_id: str
    id: UUID
    kind: DeliveryKind
    conversation_id: str
    user_id: str
    address: str
    message_id: str  # the header
    stage: Stage
    attempts: int
    unknowns: int  # attempts whose reply was lost: as many may be repeats
    not_before: datetime
    reply: str | None
    created_at: datetime
    ended_at: datetime | None
    bounced_at: datetime | None


def page(
    session: Session, filters: DeliveryFilter, *, limit: int, after: UUID | None = None
) -> Sequence[DeliveryReport]:
    """Deliveries, newest first, after the delivery `after`. NotFound for an unknown app or delivery."""
    last = None if after is None else get(session, after)
    statement = _BY_STAGE if filters.address is None else _BY_ADDRESS
    values = {
        "apps": _apps(session, filters.app_id),
        "stages": [str(stage) for stage in filters.stages or Stage],
        "since": filters.since,
        "address": filters.address,
        "after_at": last and last.created_at,
        "after_id": last and last.id,
        "limit": limit,
    }
    return [_report(row) for row in session.execute(statement, values)]


def get(session: Session, delivery_id: UUID, app_id: str | None = None) -> DeliveryReport:
    """One delivery by its id, of this app or of any. NotFound if there is none."""
    columns = [getattr(Delivery, name) for name in DeliveryReport.__dataclass_fields__]
    query = select(*columns).where(Delivery.id == delivery_id)
    row = session.execute(query if app_id is None else query.where(Delivery.app_id == app_id)).one_or_none()
    if row is None:
        raise NotFound({"id": [f"no delivery {delivery_id}"]}, ErrorCode.NOT_FOUND)
    return _report(row)


def tries(session: Session, app_id: str, delivery_id: UUID) -> list[DeliveryTry]:
    """Last tries of a delivery, the oldest first, each with its time, relay and answer."""
    kept = session.scalar(select(Delivery.tries).filter_by(app_id=app_id, id=delivery_id))
    return msgspec.convert(kept or [], list[DeliveryTry])


def retry(session: Session, now: datetime, filters: DeliveryFilter) -> int:
    """Queue deliveries that were not sent again, with the same bytes; returns the number.

    Those of deleted conversations stay as they are, and those that another mail replaced. A claim cancels those that
    must not be sent as things stand now: the reader left or muted the conversation, or the address is suppressed.
    """
    exists = select(Conversation).where(
        Conversation.app_id == Delivery.app_id, Conversation.id == Delivery.conversation_id
    )
    is_whole = or_(Delivery.kind == DeliveryKind.DIGEST, exists.exists())
    is_replaced = func.coalesce(Delivery.reply, "").startswith(MADE_ANEW)
    values = {"stage": Stage.QUEUED, "not_before": now, "slot_at": None, "claim": None, "ended_at": None}
    return _move(session, filters, RETRIED, values, is_whole, not_(is_replaced))


def cancel(session: Session, now: datetime, filters: DeliveryFilter) -> int:
    """Cancel deliveries that wait, so that they are not sent; returns the number."""
    values = {"stage": Stage.CANCELLED, "reply": BY_OPERATOR, "claim": None, "ended_at": now}
    return _move(session, filters, CANCELLABLE, values)


def _apps(session: Session, app_id: str | None) -> list[str]:
    return list(session.scalars(select(App.id))) if app_id is None else [apps.found(session, app_id).id]


def _report(row: Row[Any]) -> DeliveryReport:
    return DeliveryReport(**dict(row._mapping) | {"kind": DeliveryKind(row.kind), "stage": Stage(row.stage)})  # noqa: SLF001  SQLAlchemy's documented name


def _move(
    session: Session,
    filters: DeliveryFilter,
    allowed: Collection[Stage],
    values: Mapping[str, object],
    *conditions: ColumnElement[bool],
) -> int:
    stages = [stage for stage in allowed if stage in (filters.stages or allowed)]
    moved = update(Delivery).where(Delivery.app_id.in_(_apps(session, filters.app_id)), Delivery.stage.in_(stages))
    moved = moved.where(*conditions, *_chosen(filters)).values(values)
    return len(session.execute(moved.returning(Delivery.id).execution_options(synchronize_session=False)).all())


def _chosen(filters: DeliveryFilter) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if filters.ids:
        chosen.append(Delivery.id.in_(filters.ids))
    if filters.since is not None:
        chosen.append(Delivery.created_at >= filters.since)
    if filters.address is not None:
        chosen.append(func.lower(Delivery.address) == filters.address.lower())
    return chosen
