"""Inbound mails: list, get, replay, and release from quarantine."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType
from sqlalchemy.orm import Session

from api import wire
from api.request import Call
from api.routing import route
from api.schemas.inbound import InboundMail
from api.schemas.types import Id, Page, PageQuery
from mailtalk import clock
from mailtalk.errors import NotFound
from mailtalk.ids import MAIL as MAIL_ID
from mailtalk.inbound import log, quarantine
from mailtalk.models import InboundMail as InboundMailRow
from mailtalk.vocabulary import Outcome

TAG = "Inbound mail"
MAILS = "/inbound-mails"
MAIL = MAILS + "/{mailId}"


class InboundMailQuery(PageQuery, rename="camel", kw_only=True):
    """Query of the log of inbound mails."""

    outcome: Annotated[Outcome, Meta(description="Only mails with this outcome.")] | UnsetType = UNSET
    conversation_id: Annotated[Id, Meta(description="Only mails to this conversation.")] | UnsetType = UNSET
    user_id: Annotated[Id, Meta(description="Only mails to addresses of this user.")] | UnsetType = UNSET


@route("GET", MAILS, TAG)
def list_inbound_mails(session: Session, call: Call, query: InboundMailQuery) -> Page[InboundMail]:
    """List inbound mails, newest first.

    All accepted mails, with outcome, verdict and reason; without the recipient's address, which is a secret. Ours, not
    TalkJS's.
    """
    rows = log.page(
        session,
        call.app_id,
        query.limit,
        before=wire.cursor(MAIL_ID, query.after),
        outcome=query.outcome or None,
        conversation_id=query.conversation_id or None,
        user_id=query.user_id or None,
    )
    return Page([InboundMail.of(row) for row in rows])


@route("GET", MAIL, TAG)
def get_inbound_mail(session: Session, call: Call) -> InboundMail:
    """Get an inbound mail.

    With the text that was cut off, and the evidence for the sender's identity.
    """
    row = _row(session, call)
    mail = InboundMail.of(row)
    mail.elided, mail.evidence = log.elided(session, row), row.evidence
    return mail


@route("POST", MAIL + "/replay", TAG, conflict="InboundConflict")
def replay_inbound_mail(session: Session, call: Call) -> InboundMail:
    """Process a mail again.

    A worker processes it from its raw bytes, with every check, as if it came now. The mail must be `failed`, `refused`,
    `quarantined` or `ignored`: 409 for one that became a message, or whose bytes were purged.
    """
    row = _row(session, call, lock=True)
    quarantine.replay(row)
    return InboundMail.of(row)


@route("POST", MAIL + "/release", TAG, conflict="InboundConflict")
def release_inbound_mail(session: Session, call: Call) -> InboundMail:
    """Release a mail from quarantine.

    It is processed again, with every check but those of its sender and of its likeness to others. 409 for one that is
    not in quarantine, or whose bytes were purged.
    """
    row = _row(session, call, lock=True)
    quarantine.release(row, clock.now())
    return InboundMail.of(row)


def _row(session: Session, call: Call, *, lock: bool = False) -> InboundMailRow:
    mail_id = MAIL_ID.read(call.id("mailId"))
    if mail_id is None:
        raise NotFound({"mailId": ["not found"]})
    return log.get(session, call.app_id, mail_id, lock=lock)
