"""Notices: mails to a participant about a mail of theirs, and the event that tells the app. Never to a machine.

Always to the registered address, never to whoever the mail says it is from: else anybody could have us write to others.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import MAIL
from mailtalk.inbound import quarantine
from mailtalk.inbound.context import Case, Judgement
from mailtalk.mail.composing import notice, style
from mailtalk.mail.replies.quotes.own_mail import OwnAddress
from mailtalk.models import Delivery, InboundMail
from mailtalk.outbound import deliveries
from mailtalk.vocabulary import DeliveryKind, EventType, Outcome, Purpose, Verdict

DAY = timedelta(days=1)
ASKED_A_DAY = 10  # times: who knows an address must not be able to fill its owner's inbox
NOT_ASKED = "not-asked"
REPEATS = (Verdict.DUPLICATE,)  # what became a message already
WHY = (Verdict.NO_ACCESS, Verdict.EMPTY, Verdict.UNREADABLE)  # of these a person is told


def tell(case: Case, judgement: Judgement) -> None:
    """Tell whom it concerns what became of a mail; its author's program, if it was one, hears nothing."""
    row = case.row
    if row.purpose != Purpose.REPLY or judgement.outcome == Outcome.POSTED or not _is_a_persons(case, judgement):
        return
    record(case.session, case.now, row, judgement)
    if judgement.outcome == Outcome.QUARANTINED and judgement.verdict is Verdict.SENDER:
        _ask(case)
    elif judgement.verdict is not None and judgement.verdict in WHY:
        _reject(case, judgement.verdict)


def record(session: Session, now: datetime, row: InboundMail, judgement: Judgement) -> None:
    """The event for the app: somebody wrote, and it did not become a message; perhaps, if it could not be read."""
    if row.purpose != Purpose.REPLY:
        return
    data = {
        "inboundMailId": MAIL.show(row.id),
        "userId": row.user_id,
        "conversationId": row.conversation_id,
        "outcome": judgement.outcome,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "receivedAt": clock.millis(row.received_at),
    }
    happened = Happened(row.app_id or "", EventType.EMAIL_REJECTED, data, row.conversation_id)
    events.record_many(session, [happened], now)


def _is_a_persons(case: Case, judgement: Judgement) -> bool:
    return case.reading.verdict is Verdict.PERSON and judgement.verdict not in REPEATS


def _ask(case: Case) -> None:
    """The one "was this you?" of this mail."""
    row = case.row
    if not case.mailboxes or _said_today(case) or _asked_today(case) >= ASKED_A_DAY:
        row.flag = NOT_ASKED
        return
    link = quarantine.link(case.desk.keyring, case.desk.base_url, row.id, case.now)
    for index, mailbox in enumerate(case.mailboxes):
        message_id = f"<q.{row.id}.{index}@{case.desk.domain}>"
        if not _is_made(case, message_id):
            more = {"link": link, "until": case.now + quarantine.LINK, "author": case.reading.from_addresses[0]}
            _make(case, DeliveryKind.CONFIRMATION, mailbox, message_id, **more)


def _said_today(case: Case) -> bool:
    """Whether the same words were put aside before: a program says them again and again."""
    before = select(InboundMail.id).where(
        InboundMail.participation_id == case.row.participation_id,
        InboundMail.id < case.row.id,
        InboundMail.verdict == Verdict.SENDER,
        InboundMail.said_hash == case.row.said_hash,
        InboundMail.received_at > case.row.received_at - DAY,
    )
    return case.row.said_hash is not None and case.session.scalar(before.limit(1)) is not None


def _asked_today(case: Case) -> int:
    asked = select(func.count(func.distinct(Delivery.created_at))).where(
        *_theirs(case), Delivery.kind == DeliveryKind.CONFIRMATION, Delivery.created_at > case.now - DAY
    )
    return case.session.scalar(asked) or 0


def _is_made(case: Case, message_id: str) -> bool:
    made = select(Delivery.id).where(*_theirs(case), Delivery.message_id == message_id)
    return case.session.scalar(made.limit(1)) is not None


def _theirs(case: Case) -> tuple[ColumnElement[bool], ...]:
    row = case.row
    return (
        Delivery.app_id == row.app_id,
        Delivery.conversation_id == row.conversation_id,
        Delivery.user_id == row.user_id,
    )


def _reject(case: Case, verdict: Verdict) -> None:
    for mailbox in case.mailboxes:
        if _first_today(case, mailbox, verdict):
            message_id = f"<r.{uuid4().hex}@{case.desk.domain}>"
            _make(case, DeliveryKind.REJECTION, mailbox, message_id, why=verdict)


def _first_today(case: Case, mailbox: str, reason: str) -> bool:
    noted = case.session.scalar(
        text("""
        INSERT INTO notices (app_id, address, reason, made_at) VALUES (:app, :address, :reason, :now)
        ON CONFLICT (app_id, address, reason) DO UPDATE SET made_at = excluded.made_at
            WHERE notices.made_at <= :before
        RETURNING 1"""),
        {"app": case.app.id, "address": mailbox, "reason": reason, "now": case.now, "before": case.now - DAY},
    )
    return noted is not None


def _make(case: Case, kind: DeliveryKind, mailbox: str, message_id: str, **more: Any) -> None:
    row = case.row
    letter = notice.NoticeHeaders(
        sender_name=case.app.name,
        sender=case.desk.sender,
        reader_name=case.user.name if case.user else "",
        reader=mailbox,
        message_id=message_id,
        answers=OwnAddress(case.desk.domain).scrub(row.message_id or ""),
        at=case.now,
        loop_id=case.desk.domain,
    )
    look = style.of(case.app.style)
    app = look.name or case.app.name
    said = "" if more.get("why") == Verdict.EMPTY else _said(case)  # of an empty mail only the quote is left
    content = notice.NoticeContent(app, case.subject or app, said, style=look, **more)
    language = look.speaks(case.user.locale, case.user.time_zone) if case.user else look.speaks(None, None)
    delivery = Delivery(
        app_id=case.app.id,
        id=uuid4(),
        kind=kind,
        conversation_id=row.conversation_id,
        user_id=row.user_id,
        address=mailbox,
        message_id=message_id,
        not_before=case.now,
        created_at=case.now,
    )
    mail = notice.mail(kind, letter, content, language)
    case.session.add(deliveries.freeze(delivery, mail, case.desk.keyring, case.desk.signer))


def _said(case: Case) -> str:
    """Their text, as far as it is there and without what is secret in it."""
    said = "" if case.trouble else case.words.text or case.words.elided
    return OwnAddress(case.desk.domain).scrub(said)
