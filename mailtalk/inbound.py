"""Inbound mail: admit a recipient, receive the mail as a row before its 250, process it to a named outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from mailtalk import addresses, notices, proofs, verdicts
from mailtalk.addresses import Bearer
from mailtalk.db import is_temporary
from mailtalk.desk import RAW_SEAL, Desk, Judgement
from mailtalk.errors import Unavailable
from mailtalk.keys import Keyring
from mailtalk.mail import address, verp
from mailtalk.mail.quotes.evidence import OwnAddress
from mailtalk.models import InboundMail, RawMail
from mailtalk.vocabulary import Outcome, Purpose

ATTEMPTS = 5
RETRY = timedelta(seconds=10)
DUE = "m.outcome = 'received' AND (m.not_before IS NULL OR m.not_before <= :now)"
POSTMASTER = Bearer(Purpose.POSTMASTER)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that was handed over: its raw bytes, the admitted recipients, and by whom, where that is known."""

    mail_from: str
    bearers: Sequence[Bearer]
    raw: bytes
    at: datetime
    client_ip: str | None = None
    helo: str | None = None


class Poison(Exception):
    """Processing this mail raised what it should not."""

    def __init__(self, mail_id: int) -> None:
        super().__init__(f"inbound mail {mail_id} could not be processed")
        self.mail_id = mail_id


def admit(session: Session, keyring: Keyring, mailbox: str, domain: str) -> Bearer | None:
    """Who a recipient is; None when it is not, or no longer, an address of ours."""
    local, at = address.split(mailbox)
    return addresses.find(session, keyring, local) if at == domain else None


def admit_known(keyring: Keyring, mailbox: str, domain: str) -> Bearer | None:
    """Whom we know without a look-up: the postmaster, with or without our domain (RFC 5321 4.5.1), and bounces."""
    local, at = address.split(mailbox)
    if local == "postmaster" and at in {"", domain}:
        return POSTMASTER
    delivery_id = verp.delivery(keyring, local) if at == domain else None
    return Bearer(Purpose.BOUNCE, delivery_id=delivery_id) if delivery_id else None


def needs_look_up(keyring: Keyring, mailbox: str, domain: str) -> bool:
    """Whether the database is to be asked; junk is refused without."""
    local, at = address.split(mailbox)
    return at == domain and address.signer(keyring, local) is not None


def receive(session: Session, keyring: Keyring, arrivals: Sequence[Arrival]) -> list[int]:
    """Keep raw mails, sealed, with a row for each recipient; gives each mail's id."""
    raws = [
        {
            "sealed": keyring.seal(each.raw, about=RAW_SEAL),
            "mail_from": _without_token(keyring, each.mail_from),
            "client_ip": each.client_ip,
            "helo": each.helo,
            "received_at": each.at,
        }
        for each in arrivals
    ]
    ids = list(session.scalars(insert(RawMail).returning(RawMail.id, sort_by_parameter_order=True), raws))
    rows = [_row(raw_id, each, bearer) for raw_id, each in zip(ids, arrivals, strict=True) for bearer in each.bearers]
    session.execute(insert(InboundMail), rows)
    return ids


def waits(session: Session, now: datetime) -> bool:
    """Whether any mail is to be processed now."""
    return _any(session, now, f"NOT {proofs.WANTED}")


def wants_proof(session: Session, now: datetime) -> bool:
    """Whether of any mail it is to be found out now who sent it."""
    return _any(session, now, proofs.WANTED)


def prove(session: Session, desk: Desk, now: datetime) -> InboundMail | None:
    """Find out who sent the next mail of which its app wants to know; None when there is none. Raises Poison."""
    row = _take(session, now, proofs.WANTED)
    return None if row is None else _or_poison(row, partial(proofs.seek, session, desk, now, row))


def process(session: Session, desk: Desk, now: datetime) -> InboundMail | None:
    """Process the next mail that waits; None when there is none. Raises Poison when something unforeseen happens."""
    # One participant's mails are processed in the order they came: an earlier one in hand holds the later ones back,
    # unless it is the DNS that it waits for.
    earlier = f"""NOT EXISTS (SELECT 1 FROM inbound_mails e WHERE e.outcome = 'received' AND e.id < m.id
        AND e.participation_id = m.participation_id AND e.reason IS DISTINCT FROM '{proofs.UNANSWERED}')"""  # noqa: S608  ours
    row = _take(session, now, f"NOT {proofs.WANTED} AND {earlier}")
    return None if row is None else _or_poison(row, partial(_process, session, desk, now, row))


def fail(session: Session, mail_id: int, now: datetime, reason: str) -> None:
    """Count a failed attempt; after the last one the mail ends as failed, is kept, and can be replayed."""
    row = session.get_one(InboundMail, mail_id, with_for_update=True)
    row.attempts += 1
    row.not_before = now + RETRY
    if row.attempts >= ATTEMPTS:
        row.outcome, row.verdict, row.reason, row.processed_at = Outcome.FAILED, None, reason, now
        notices.record(session, now, row, Judgement(Outcome.FAILED, None, reason))


def _or_poison(row: InboundMail, work: Callable[[], None]) -> InboundMail:
    mail_id = row.id  # after a rollback the row cannot be asked
    try:
        work()
    except Exception as error:
        if isinstance(error, Unavailable) or is_temporary(error):
            raise
        raise Poison(mail_id) from error
    return row


def _process(session: Session, desk: Desk, now: datetime, row: InboundMail) -> None:
    row.outcome, row.verdict, reason = verdicts.decide(session, desk, now, row)
    row.processed_at = now
    own = OwnAddress(desk.domain)
    row.reason, row.message_id = own.scrub(reason or "") or None, own.scrub(row.message_id or "") or None
    session.flush()


def _without_token(keyring: Keyring, mail_from: str) -> str:
    local, domain = address.split(mail_from)
    ours = address.signer(keyring, local) or verp.delivery(keyring, local)
    return f"(hidden)@{domain}" if ours else mail_from


def _row(raw_id: int, arrival: Arrival, bearer: Bearer) -> dict[str, object]:
    return {
        "raw_id": raw_id,
        "app_id": bearer.app_id,
        "conversation_id": bearer.conversation_id,
        "user_id": bearer.user_id,
        "participation_id": bearer.participation_id,
        "generation": bearer.generation,
        "delivery_id": bearer.delivery_id,
        "purpose": bearer.purpose,
        "size": len(arrival.raw),
        "received_at": arrival.at,
    }


def _any(session: Session, now: datetime, condition: str) -> bool:
    found = text(f"SELECT 1 FROM inbound_mails m WHERE {DUE} AND {condition} LIMIT 1")  # noqa: S608  ours
    return session.scalar(found, {"now": now}) is not None


def _take(session: Session, now: datetime, condition: str) -> InboundMail | None:
    query = f"""SELECT m.id FROM inbound_mails m WHERE {DUE} AND {condition}
        ORDER BY m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED"""  # noqa: S608  ours
    found = session.scalar(text(query), {"now": now})
    return None if found is None else session.get_one(InboundMail, found)
