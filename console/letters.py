"""Outgoing mails: their list, the mailbox of captured ones, and one with its stage, its look and its bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from console import mail_pages, mail_views
from console.logins import ConsoleRole
from console.mail_views import MailView
from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk import clock, sealed_mail
from mailtalk.errors import NotFound
from mailtalk.ids import ParticipantKey
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.mail.replies.file_secrets import FileSecrets
from mailtalk.models import Delivery, DigestSection, InboundMail, Notification, RawMail, User
from mailtalk.outbound.deliveries import seal_name
from mailtalk.support import deliveries
from mailtalk.support.deliveries import CANCELLABLE, RETRIED, DeliveryFilter, DeliveryReport
from mailtalk.vocabulary import DeliveryKind, Stage

OUT = APP + "/mails/out/{deliveryId}"
PAGE = 30
ANSWERS = 20  # mails of the reader in which an answer is looked for
ANSWERED_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class BoxedMail:
    """A captured mail in the mailbox."""

    report: DeliveryReport
    mail: MailView


@page("GET", APP + "/mailbox")
def show_mailbox(session: Session, visit: ConsoleRequest) -> Response:
    """Captured mails, newest first: what people would have got while no relay is set."""
    wanted = DeliveryFilter(visit.app_id, [Stage.CAPTURED], address=visit.query.get("to") or None)
    after = mail_id(visit.query["after"]) if "after" in visit.query else None
    reports = deliveries.page(session, wanted, limit=PAGE + 1, after=after)
    mails = [BoxedMail(report, opened(session, visit, report.id)) for report in reports[:PAGE]]
    return visit.show("mailbox.html", mails=mails, more=len(reports) > PAGE, to=wanted.address)


@page("POST", OUT + "/resend")
def resend(session: Session, visit: ConsoleRequest) -> Response:
    """Queue it again, with the same bytes."""
    report = report_of(session, visit)
    visit.record(session, "send a mail again", delivery=str(report.id))
    moved = deliveries.retry(session, clock.now(), DeliveryFilter(report.app_id, ids=[report.id]))
    return visit.back_to(path_of(visit), "queued" if moved else "stays")


@page("POST", OUT + "/cancel")
def cancel(session: Session, visit: ConsoleRequest) -> Response:
    """Cancel it before it is sent."""
    report = report_of(session, visit)
    visit.record(session, "cancel a mail", delivery=str(report.id))
    moved = deliveries.cancel(session, clock.now(), DeliveryFilter(report.app_id, ids=[report.id]))
    return visit.back_to(path_of(visit), "cancelled" if moved else "stays")


def opened(session: Session, visit: ConsoleRequest, delivery_id: UUID, *, reveal: bool | None = None) -> MailView:
    """Its parsed bytes; with its secrets if `reveal`, by default in the demo app only."""
    return mail_views.view(source(session, visit, delivery_id), _masks(visit, reveal))


def source(session: Session, visit: ConsoleRequest, delivery_id: UUID) -> bytes:
    """Its bytes as sent."""
    sealed = session.scalar(select(Delivery.body_sealed).filter_by(app_id=visit.app_id, id=delivery_id))
    if sealed is None:
        raise NotFound(["no such mail"])
    return sealed_mail.unseal(visit.services.keyring, sealed, seal_name(delivery_id))


def _masks(visit: ConsoleRequest, reveal: bool | None) -> FileSecrets | None:
    return None if (visit.shows_secrets if reveal is None else reveal) else visit.site.secrets


def _letter(session: Session, visit: ConsoleRequest, *, reveal: bool) -> Response:
    report = report_of(session, visit)
    notification = session.scalar(
        select(Notification)
        .join(Delivery, (Delivery.app_id == Notification.app_id) & (Delivery.notification_id == Notification.id))
        .where(Delivery.app_id == report.app_id, Delivery.id == report.id)
    )
    return visit.show(
        "letter.html",
        report=report,
        mail=opened(session, visit, report.id, reveal=reveal),
        masked=not reveal,
        notification=notification,
        user=session.get(User, (report.app_id, report.user_id)),
        tries=deliveries.tries(session, report.app_id, report.id),
        answers=answers(session, visit, report),
        about=_conversations(session, report),
        may_resend=report.stage in RETRIED,
        may_cancel=report.stage in CANCELLABLE,
        may_send_on=report.stage is Stage.CAPTURED and visit.login.role is ConsoleRole.OPERATOR,
        path=path_of(visit),
    )


def answers(session: Session, visit: ConsoleRequest, report: DeliveryReport) -> Sequence[InboundMail]:
    """Inbound mails of the reader that name this mail as what they answer."""
    query = select(InboundMail, RawMail.sealed).join(RawMail, RawMail.id == InboundMail.raw_id)
    of_reader = query.where(
        InboundMail.app_id == report.app_id,
        InboundMail.conversation_id.in_(_conversations(session, report)),
        InboundMail.user_id == report.user_id,
        InboundMail.received_at.between(report.created_at, report.created_at + ANSWERED_WITHIN),
    )
    rows = session.execute(of_reader.order_by(InboundMail.id).limit(ANSWERS))
    keyring, wanted = visit.services.keyring, report.message_id.encode()
    return [row for row, sealed in rows if wanted in _header(sealed_mail.unseal(keyring, sealed, RAW_SEAL))]


def _conversations(session: Session, report: DeliveryReport) -> Sequence[str]:
    """Conversations that the mail is about: a digest has several."""
    if report.kind is not DeliveryKind.DIGEST:
        return [report.conversation_id]
    query = select(DigestSection.conversation_id).filter_by(app_id=report.app_id, delivery_id=report.id)
    return session.scalars(query.distinct()).all()


def latest(session: Session, key: ParticipantKey, since: datetime | None = None) -> DeliveryReport | None:
    """The newest mail to a participant."""
    query = select(Delivery.id).filter_by(app_id=key.app_id, conversation_id=key.conversation.id, user_id=key.user_id)
    if since is not None:
        query = query.where(Delivery.created_at >= since)
    delivery_id = session.scalar(query.order_by(Delivery.created_at.desc()).limit(1))
    return deliveries.get(session, delivery_id, key.app_id) if delivery_id else None


def _header(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0] if b"\r\n\r\n" in raw else raw.partition(b"\n\n")[0]


def report_of(session: Session, visit: ConsoleRequest) -> DeliveryReport:
    """The mail of the path, without its bytes. NotFound if the app has none."""
    return deliveries.get(session, mail_id(visit.id("deliveryId")), visit.app_id)


def mail_id(text: str) -> UUID:
    """Id of an outgoing mail. NotFound for any other text."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(["no such mail"]) from None


def path_of(visit: ConsoleRequest) -> str:
    """Path of the mail's page."""
    return f"/console/apps/{segment(visit.app_id)}/mails/out/{segment(visit.id('deliveryId'))}"


mail_pages.declare(
    OUT, "outgoing", _letter, lambda session, visit: opened(session, visit, report_of(session, visit).id)
)
