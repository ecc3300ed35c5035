"""Inbound mail: admit a recipient, receive the mail as a row before its 250, process it to a named outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from mailtalk import addresses, changes, conversations, messages
from mailtalk.addresses import Bearer
from mailtalk.changes import Requested
from mailtalk.db import is_temporary
from mailtalk.keys import Keyring
from mailtalk.mail import address, limits, parse, reply, screen
from mailtalk.models import InboundMail, Participation, RawMail
from mailtalk.notifications import Pace
from mailtalk.participation import Request
from mailtalk.vocabulary import ChangeKind, MessageType, Notify, Origin, Outcome, Purpose

ATTEMPTS = 5
RETRY = timedelta(seconds=10)
POSTMASTER = Bearer(Purpose.POSTMASTER)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that was handed over: its raw bytes and the admitted recipients."""

    mail_from: str
    bearers: Sequence[Bearer]
    raw: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """What processing needs to know: the keys, our domain, and the pace at which messages become mails."""

    keyring: Keyring
    domain: str
    pace: Pace


class Poison(Exception):
    """Processing this mail raised what it should not."""

    def __init__(self, mail_id: int) -> None:
        super().__init__(f"inbound mail {mail_id} could not be processed")
        self.mail_id = mail_id


def admit(session: Session, keyring: Keyring, mailbox: str, domain: str) -> Bearer | None:
    """Who a recipient is; None when it is not, or no longer, an address of ours."""
    local, at = address.split(mailbox)
    return addresses.find(session, keyring, local) if at == domain else None


def admit_postmaster(mailbox: str, domain: str) -> Bearer | None:
    """The postmaster, with or without our domain (RFC 5321 4.5.1); None for anybody else."""
    local, at = address.split(mailbox)
    return POSTMASTER if local == "postmaster" and at in {"", domain} else None


def needs_look_up(keyring: Keyring, mailbox: str, domain: str) -> bool:
    """Whether the database is to be asked; junk is refused without."""
    local, at = address.split(mailbox)
    return at == domain and address.signer(keyring, local) is not None


def receive(session: Session, keyring: Keyring, arrivals: Sequence[Arrival]) -> list[int]:
    """Keep raw mails, sealed, with a row for each recipient; gives each mail's id."""
    raws = [
        {"sealed": keyring.seal(each.raw, about="raw-mail"), "mail_from": each.mail_from, "received_at": each.at}
        for each in arrivals
    ]
    ids = list(session.scalars(insert(RawMail).returning(RawMail.id, sort_by_parameter_order=True), raws))
    rows = [_row(raw_id, each, bearer) for raw_id, each in zip(ids, arrivals, strict=True) for bearer in each.bearers]
    session.execute(insert(InboundMail), rows)
    return ids


def process(session: Session, desk: Desk, now: datetime) -> InboundMail | None:
    """Process the next mail that waits; None when there is none. Raises Poison when something unforeseen happens."""
    row = _take(session, now)
    if row is None:
        return None
    try:
        row.outcome, row.reason = _process(session, desk, now, row)
        row.processed_at = now
        session.flush()
    except Exception as error:
        if is_temporary(error):
            raise
        raise Poison(row.id) from error
    return row


def fail(session: Session, mail_id: int, now: datetime, reason: str) -> None:
    """Count a failed attempt; after the last one the mail ends as failed, is kept, and can be replayed."""
    row = session.get_one(InboundMail, mail_id, with_for_update=True)
    row.attempts += 1
    row.not_before = now + RETRY
    if row.attempts >= ATTEMPTS:
        row.outcome, row.reason, row.processed_at = Outcome.FAILED, reason, now


def _row(raw_id: int, arrival: Arrival, bearer: Bearer) -> dict[str, object]:
    return {
        "raw_id": raw_id,
        "app_id": bearer.app_id,
        "conversation_id": bearer.conversation_id,
        "user_id": bearer.user_id,
        "participation_id": bearer.participation_id,
        "generation": bearer.generation,
        "purpose": bearer.purpose,
        "received_at": arrival.at,
    }


def _take(session: Session, now: datetime) -> InboundMail | None:
    # One participant's mails are processed in the order they came: an earlier one in hand holds the later ones back.
    found = session.scalar(
        text("""
        SELECT m.id FROM inbound_mails m
        WHERE m.outcome = 'received' AND (m.not_before IS NULL OR m.not_before <= :now)
            AND NOT EXISTS (SELECT 1 FROM inbound_mails e WHERE e.outcome = 'received'
                AND e.participation_id = m.participation_id AND e.id < m.id)
        ORDER BY m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED"""),
        {"now": now},
    )
    return None if found is None else session.get_one(InboundMail, found)


def _process(session: Session, desk: Desk, now: datetime, row: InboundMail) -> tuple[Outcome, str | None]:
    if row.purpose == Purpose.POSTMASTER:
        return Outcome.IGNORED, "postmaster"
    raw = session.get_one(RawMail, row.raw_id)
    content = desk.keyring.unseal(raw.sealed, about="raw-mail")
    try:
        mail = parse.parse(content)
    except limits.TooMuch as error:
        return Outcome.REFUSED, str(error)
    row.message_id = mail.message_id
    screened = screen.screen(mail, mail_from=raw.mail_from, own_domain=desk.domain, loop_id=desk.domain)
    if screened.verdict is not screen.Verdict.PERSON:
        return Outcome.IGNORED, f"{screened.verdict}: {screened.reason}"
    if len(mail.from_addresses) != 1:  # whom such a mail is from, every program sees differently
        return Outcome.REFUSED, "not-one-from"
    if row.purpose == Purpose.UNSUBSCRIBE:
        return _unsubscribe(session, now, row)
    return _post(session, desk, now, row, mail, content)


def _unsubscribe(session: Session, now: datetime, row: InboundMail) -> tuple[Outcome, str | None]:
    if _bearer(session, row) is None:
        return Outcome.REFUSED, "no-access"
    request = Request(ChangeKind.UPDATE, notify=Notify.OFF)
    asked = Requested(row.app_id or "", row.conversation_id or "", row.user_id or "", request, now)
    changes.accept(session, [asked])
    return Outcome.UNSUBSCRIBED, None


def _post(  # noqa: PLR0913, PLR0917  the whole way of a reply in one place
    session: Session, desk: Desk, now: datetime, row: InboundMail, mail: parse.Mail, content: bytes
) -> tuple[Outcome, str | None]:
    conversation = conversations.lock(session, row.app_id or "", row.conversation_id or "")
    if _bearer(session, row) is None:
        return Outcome.REFUSED, "no-access"
    found = reply.extract(mail.text, mail.html, reply_domain=desk.domain)
    if not found.text.strip():
        return Outcome.IGNORED, "empty"
    row.fingerprint = _fingerprint(mail, content)
    if _is_repeat(session, row):
        return Outcome.IGNORED, "duplicate"
    messages.post(session, now, desk.pace, conversation, [_draft(session, row, found)])
    return Outcome.POSTED, found.method


def _bearer(session: Session, row: InboundMail) -> Participation | None:
    """The participation, read again under the lock; None when its address died since RCPT."""
    query = (
        select(Participation).where(Participation.id == row.participation_id).execution_options(populate_existing=True)
    )
    participation = session.scalar(query)
    if participation is None or participation.generation != row.generation:
        return None
    return participation if addresses.serves(participation, Purpose(row.purpose)) else None


def _fingerprint(mail: parse.Mail, content: bytes) -> bytes:
    """The same for a mail that is delivered twice: relays change headers, never the Message-ID or the body."""
    body = content.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    identity = mail.message_id or mail.header("date") or ""
    return sha256(identity.encode() + b"\x00" + body.rstrip()).digest()


def _is_repeat(session: Session, row: InboundMail) -> bool:
    query = select(InboundMail.id).where(
        InboundMail.participation_id == row.participation_id,
        InboundMail.fingerprint == row.fingerprint,
        InboundMail.outcome == Outcome.POSTED,
    )
    return session.scalar(query.limit(1)) is not None


def _draft(session: Session, row: InboundMail, found: reply.Reply) -> messages.Draft:
    said = found.text[: messages.TEXT_LIMIT]
    return messages.Draft(
        MessageType.USER,
        said,
        Origin.EMAIL,
        sender_id=row.user_id,
        elided=found.elided[: messages.TEXT_LIMIT] or None,
        names=_named(session, row, said) if "@" in said else {},
    )


def _named(session: Session, row: InboundMail, said: str) -> dict[str, str]:
    """The participants whose names stand in the text behind an @, as lower-case name to id."""
    rows = session.execute(
        text("""
        SELECT lower(u.name) AS name, u.id FROM participations p
        JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
        WHERE p.app_id = :app AND p.conversation_id = :conversation AND p.present AND p.access <> 'None'
            AND position('@' || lower(u.name) IN lower(:said)) > 0"""),
        {"app": row.app_id, "conversation": row.conversation_id, "said": said},
    )
    return {found.name: found.id for found in rows}
