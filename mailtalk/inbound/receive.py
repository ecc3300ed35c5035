"""Inbound mail at the bridge: recognise recipients, then store the mail as rows before its 250."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, NewType

import msgspec
from sqlalchemy.orm import Session

from mailtalk import sealed_mail
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.outbound import verp
from mailtalk.participation.addresses import Bearer
from mailtalk.vocabulary import Purpose

RAW_SEAL = "raw-mail"  # associated data, which binds a raw mail's sealed bytes to their table
POSTMASTER = Bearer(Purpose.POSTMASTER)
AddressHash = NewType("AddressHash", bytes)  # hash of an inbound address, for its look-up

# A batch of mails in one statement: a row each in raw_mails, one for each recipient in inbound_mails. The ids are
# given in the order of the mails. The sealed bytes stay out of the WITH query, which may spill to disk.
STORE: LiteralString = """
    WITH mails AS MATERIALIZED (
        SELECT nextval('raw_mails_id_seq') AS id, mail.*
        FROM ROWS FROM (json_to_recordset(%(mails)s) AS (
            mail_from text, client_ip text, helo text, spf text, received_at timestamptz, size int, bearers json
        )) WITH ORDINALITY AS mail (mail_from, client_ip, helo, spf, received_at, size, bearers, number)
    ), raw AS (
        INSERT INTO raw_mails (id, sealed, mail_from, client_ip, helo, spf, received_at)
        SELECT id, (%(sealed)b::bytea[])[number], mail_from, client_ip, helo, spf, received_at
        FROM mails ORDER BY number
    ), recipients AS (
        INSERT INTO inbound_mails (
            raw_id, size, received_at,
            purpose, app_id, conversation_id, user_id, participation_id, generation, delivery_id
        )
        SELECT mails.id, size, received_at, bearer.*
        FROM mails, json_to_recordset(bearers) AS bearer (
            purpose text, app_id text, conversation_id text, user_id text,
            participation_id uuid, generation int, delivery_id uuid
        )
        ORDER BY number
    )
    SELECT id FROM mails ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Accepted mail: its raw bytes, its admitted recipients, and the client's IP address and HELO name, where known.

    `spf` is the result of a verified provider, which knew the client.
    """

    mail_from: str
    bearers: Sequence[Bearer]
    raw: bytes
    at: datetime
    client_ip: str | None = None
    helo: str | None = None
    spf: str | None = None


class _MailRow(msgspec.Struct):
    mail_from: str
    client_ip: str | None
    helo: str | None
    spf: str | None
    received_at: datetime
    size: int
    bearers: Sequence[Bearer]


@dataclass(frozen=True, slots=True)
class SealedMail:
    """A mail as it is stored: encrypted, with its row and those of its recipients as JSON."""

    sealed: bytes
    row: bytes


def recognise(keyring: Keyring, mailbox: str, domain: str) -> Bearer | AddressHash | None:
    """Classify a mailbox without the database: postmaster, a bounce, an address to look up, or None if it is not ours.

    Postmaster is accepted with or without our domain (RFC 5321 4.5.1).
    """
    if address.split(mailbox) in {("postmaster", ""), ("postmaster", domain)}:
        return POSTMASTER
    local, at = address.token_of(mailbox)
    if at != domain:
        return None
    if key := address.signer(keyring, local):
        return AddressHash(address.lookup(key, local))
    delivery_id = verp.delivery(keyring, local)
    return Bearer(Purpose.BOUNCE, delivery_id=delivery_id) if delivery_id else None


def may_be_ours(mailbox: str, domain: str) -> bool:
    """True if a mailbox has the form of an address that we issue; a key that is not held may have signed it."""
    local, at = address.token_of(mailbox)
    return at == domain and address.is_local_part(local)


def seal(keyring: Keyring, arrival: Arrival) -> SealedMail:
    """Compress and encrypt a mail for storage; takes no lock, and up to 10 ms for 2 MB."""
    row = _MailRow(
        _without_token(keyring, arrival.mail_from),
        arrival.client_ip,
        arrival.helo,
        arrival.spf,
        arrival.at,
        len(arrival.raw),
        arrival.bearers,
    )
    return SealedMail(sealed_mail.seal(keyring, arrival.raw, RAW_SEAL), msgspec.json.encode(row))


def parameters(mails: Sequence[SealedMail]) -> dict[str, object]:
    """Parameters of `STORE` for a batch of mails."""
    rows = b"[" + b",".join(mail.row for mail in mails) + b"]"
    return {"mails": rows.decode(), "sealed": [mail.sealed for mail in mails]}


def receive(session: Session, keyring: Keyring, arrivals: Sequence[Arrival]) -> list[int]:
    """Store mails in the session's transaction; returns each mail's id."""
    mails = parameters([seal(keyring, arrival) for arrival in arrivals])
    return list(session.connection().exec_driver_sql(STORE, mails).scalars())


def _without_token(keyring: Keyring, mail_from: str) -> str:
    local, domain = address.token_of(mail_from)
    ours = address.signer(keyring, local) or verp.delivery(keyring, local)
    return f"(hidden)@{domain}" if ours else mail_from
