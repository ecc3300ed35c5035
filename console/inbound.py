"""One inbound mail: who handed it over, what it was found to be and why, and what an operator may do with it."""

import re
from collections.abc import Sequence
from email.utils import parseaddr

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from console import mail_pages, mail_views
from console.mail_views import MailView
from console.rendering import segment
from console.requests import ConsoleRequest
from console.routing import APP, page
from mailtalk import clock, sealed_mail
from mailtalk.errors import Conflict, ErrorCode, NotFound
from mailtalk.inbound import log, quarantine, sender_questions
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.models import Delivery, InboundMail, RawMail, User
from mailtalk.vocabulary import Outcome, Verdict

IN = APP + "/mails/in/{mailId}"
DIGESTS = ""  # the conversation of mails about several
LARGEST = 2_000_000  # bytes of a mail that is shown
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,200}>")
TOO_LARGE = MailView(problem="it is too large to be shown here; see: mailtalk inbound show --raw")
GONE = MailView(problem="its bytes were purged, see MAILTALK_RAW_MAIL_DAYS")


@page("POST", IN + "/replay")
def replay(session: Session, visit: ConsoleRequest) -> Response:
    """Have a worker process it again, with every check."""
    quarantine.replay(_row(session, visit, lock=True))
    visit.record(session, "replay an inbound mail", mail=visit.id("mailId"))
    return visit.back_to(_path(visit), "replayed")


@page("POST", IN + "/release")
def release(session: Session, visit: ConsoleRequest) -> Response:
    """Post it although its sender is in doubt; with `always`, its address is accepted from now on."""
    row = _row(session, visit, lock=True)
    if visit.form.get("always"):
        _accept_sender(session, visit, row)
    quarantine.release(row, clock.now())
    visit.record(session, "release an inbound mail", mail=visit.id("mailId"), always=visit.form.get("always", ""))
    return visit.back_to(_path(visit), "released")


def _shown(session: Session, visit: ConsoleRequest, *, reveal: bool) -> Response:
    row = _row(session, visit)
    raw = session.get(RawMail, row.raw_id or 0)
    mail = _opened(visit, raw, row, reveal=reveal)
    return visit.show(
        "inbound.html",
        row=row,
        raw=raw,
        mail=mail,
        sender=parseaddr(mail.header("from"))[1],
        masked=not reveal,
        user=session.get(User, (row.app_id, row.user_id)) if row.user_id else None,
        elided=log.elided(session, row),
        answered=_answered(session, row, mail),
        may_replay=row.outcome in quarantine.REPLAYABLE and raw is not None,
        may_release=row.outcome == Outcome.QUARANTINED and raw is not None,
        may_accept=row.verdict == Verdict.SENDER,
        path=_path(visit),
    )


def _opened(visit: ConsoleRequest, raw: RawMail | None, row: InboundMail, *, reveal: bool) -> MailView:
    if raw is None:
        return GONE
    if (row.size or 0) > LARGEST:
        return TOO_LARGE
    source = sealed_mail.unseal(visit.services.keyring, raw.sealed, RAW_SEAL)
    return mail_views.view(source, None if reveal else visit.site.secrets)


def _answered(session: Session, row: InboundMail, mail: MailView) -> Sequence[Delivery]:
    """Our mails to the same participant that it names as what it answers."""
    named = _MESSAGE_ID.findall(f"{mail.header('in-reply-to')} {mail.header('references')}")
    query = select(Delivery).filter_by(app_id=row.app_id, user_id=row.user_id)
    query = query.where(Delivery.conversation_id.in_([row.conversation_id, DIGESTS]))
    return session.scalars(query.where(Delivery.message_id.in_(named[:50])).order_by(Delivery.created_at)).all()


def _accept_sender(session: Session, visit: ConsoleRequest, row: InboundMail) -> None:
    mail = _opened(visit, session.get(RawMail, row.raw_id or 0), row, reveal=False)
    sender = parseaddr(mail.header("from"))[1]
    if row.verdict != Verdict.SENDER or "@" not in sender or row.user_id is None:
        raise Conflict(["it is not in quarantine because of its sender"], ErrorCode.NOT_QUARANTINED)
    sender_questions.accept(session, row, sender)


def _row(session: Session, visit: ConsoleRequest, *, lock: bool = False) -> InboundMail:
    mail_id = visit.id("mailId")
    if not mail_id.isascii() or not mail_id.isdigit() or len(mail_id) > 18:  # noqa: PLR2004  digits of a bigint
        raise NotFound(["no such mail"])
    return log.get(session, visit.app_id, int(mail_id), lock=lock)


def _path(visit: ConsoleRequest) -> str:
    return f"/console/apps/{segment(visit.app_id)}/mails/in/{segment(visit.id('mailId'))}"


def _read(session: Session, visit: ConsoleRequest) -> MailView:
    row = _row(session, visit)
    return _opened(visit, session.get(RawMail, row.raw_id or 0), row, reveal=visit.shows_secrets)


mail_pages.declare(IN, "inbound", _shown, _read)
