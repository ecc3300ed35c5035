"""The notifications of a participant: what was mailed and how it went, what was not and why, what waits."""

from datetime import datetime

from sqlalchemy.orm import Session

from api import wire
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.ids import NOTIFICATION
from mailtalk.models import Delivery
from mailtalk.support import explain
from mailtalk.support.explain import Told
from mailtalk.vocabulary import Stage


async def listed(call: Call) -> Json:
    """GET: newest first, also of who has left."""
    return {"data": [shown(each) for each in await call.transact(_page, call)]}


def shown(told: Told) -> Json:
    """A notification on the wire."""
    row = told.notification
    return {
        "id": NOTIFICATION.show(row.id),
        "status": row.status,
        "reason": row.reason,
        "messageIds": list(told.messages),
        "createdAt": clock.millis(row.created_at),
        "notBefore": clock.millis(row.not_before),
        "endedAt": _millis(row.ended_at),
        "deliveries": [_delivery(each) for each in told.deliveries],
    }


def _page(session: Session, call: Call) -> list[Told]:
    return explain.page(
        session,
        call.participant_key,
        limit=call.page_limit(),
        before=wire.cursor(NOTIFICATION, call.query_id("startingAfter")),
    )


def _delivery(row: Delivery) -> Json:
    return {
        "address": row.address,
        "stage": row.stage,
        "reply": row.reply,
        "attempts": row.attempts,
        "notBefore": clock.millis(row.not_before),
        "sentAt": _millis(row.ended_at) if row.stage == Stage.SENT else None,
        "bouncedAt": _millis(row.bounced_at),
    }


def _millis(moment: datetime | None) -> int | None:
    return None if moment is None else clock.millis(moment)
