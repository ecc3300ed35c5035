"""Inbound mail: admit a recipient, receive the mail as a row before its 250. What becomes of it: processing.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.models import InboundMail, RawMail
from mailtalk.outbound import verp
from mailtalk.participation import addresses
from mailtalk.participation.addresses import Bearer
from mailtalk.vocabulary import Purpose

RAW_SEAL = "raw-mail"  # what binds a raw mail's sealed bytes to their table
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
