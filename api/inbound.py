"""Inbound mails: what came, what became of it and why; and processing one again."""

from sqlalchemy.orm import Session
from starlette.responses import Response

from api import wire
from api.request import Call
from api.wire import Json
from mailtalk import clock
from mailtalk.errors import Invalid, NotFound
from mailtalk.ids import MAIL
from mailtalk.inbound import log as inbound_log
from mailtalk.inbound import quarantine
from mailtalk.models import InboundMail
from mailtalk.vocabulary import Outcome


async def listed(call: Call) -> Json:
    """GET: newest first; of one outcome, conversation or user when the query says so."""
    return {"data": [shown(row) for row in await call.transact(_listed, call)]}


async def get(call: Call) -> Json:
    """GET one, with what was cut from it and what the checks of its sender gave."""
    return await call.transact(_get, call)


async def replay(call: Call) -> Response:
    """POST: process it again, with every check."""
    return await call.commit(_replay, call)


async def release(call: Call) -> Response:
    """POST: let it out of quarantine."""
    return await call.commit(_release, call)


def shown(row: InboundMail) -> Json:
    """A mail as the wire has it; the address it came to is a secret, and in no answer."""
    return {
        "id": MAIL.show(row.id),
        "outcome": row.outcome,
        "verdict": row.verdict,
        "reason": row.reason,
        "flag": row.flag,
        "purpose": row.purpose,
        "userId": row.user_id,
        "conversationId": row.conversation_id,
        "messageId": row.posted_as,
        "size": row.size,
        "receivedAt": clock.millis(row.received_at),
        "processedAt": row.processed_at and clock.millis(row.processed_at),
        "releasedAt": row.released_at and clock.millis(row.released_at),
        "canReplay": row.raw_id is not None and row.outcome in quarantine.REPLAYABLE,
    }


def _listed(session: Session, call: Call) -> list[InboundMail]:
    return inbound_log.page(
        session,
        call.app_id,
        call.page_limit(),
        before=wire.cursor(MAIL, call.query_id("startingAfter")),
        outcome=_outcome(call.request.query_params.get("outcome")),
        conversation_id=call.query_id("conversationId"),
        user_id=call.query_id("userId"),
    )


def _get(session: Session, call: Call) -> Json:
    row = inbound_log.get(session, call.app_id, _row_id(call))
    return shown(row) | {"elided": inbound_log.elided(session, row), "evidence": row.evidence}


def _replay(session: Session, call: Call) -> Json:
    row = inbound_log.get(session, call.app_id, _row_id(call), lock=True)
    quarantine.replay(row)
    return shown(row)


def _release(session: Session, call: Call) -> Json:
    row = inbound_log.get(session, call.app_id, _row_id(call), lock=True)
    quarantine.release(row, clock.now())
    return shown(row)


def _row_id(call: Call) -> int:
    number = MAIL.read(wire.path_value("mailId", call.request.path_params["mailId"]))
    if number is None:
        raise NotFound({"mailId": ["no such mail"]})
    return number


def _outcome(text: str | None) -> Outcome | None:
    try:
        return None if text is None else Outcome(text)
    except ValueError:
        raise Invalid({"outcome": [f"must be one of {', '.join(Outcome)}"]}) from None
