"""Inbound addresses as rows: issued when first needed, found by hash, dead once the generation moved on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import bulk
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.models import Address, Participation
from mailtalk.vocabulary import Access, Purpose

_KEEP = text(f"""
    INSERT INTO addresses (app_id, participation_id, purpose, generation, key_id, hash)
    SELECT app_id, participation_id, purpose, generation, key_id, hash FROM {bulk.records(Address)}
    ON CONFLICT DO NOTHING""")  # noqa: S608  ours

# Addresses by hash with their participations. An unsubscribe address outlives a rotation, as the link in the mail does.
# A digest's address has the digest itself in place of a participation, and lives as long as one of its sections.
BEARERS: LiteralString = """
    SELECT a.hash, a.purpose, p.present, p.access, p.app_id, p.conversation_id, p.user_id, p.id, p.generation
    FROM addresses a JOIN participations p ON p.id = a.participation_id
    WHERE a.hash = ANY(%(hashes)b::bytea[]) AND (a.generation = p.generation OR a.purpose = 'unsubscribe')
    UNION ALL
    SELECT a.hash, a.purpose, true, 'ReadWrite', d.app_id, NULL, d.user_id, d.id, a.generation
    FROM addresses a JOIN deliveries d ON d.app_id = a.app_id AND d.id = a.participation_id
    WHERE a.hash = ANY(%(hashes)b::bytea[]) AND a.purpose = 'digest' AND EXISTS (
        SELECT 1 FROM digest_sections g JOIN participations p ON p.id = g.participation_id
        WHERE g.app_id = d.app_id AND g.delivery_id = d.id AND p.present AND p.access = 'ReadWrite'
            AND p.generation = g.reply_generation)
"""


# Ids of keys that are not held and have live addresses. Ids are found by a loose index scan, however many addresses.
MISSING_KEYS: LiteralString = """
    WITH RECURSIVE key AS (
        (SELECT key_id FROM addresses ORDER BY key_id LIMIT 1)
        UNION ALL
        SELECT next.key_id FROM key CROSS JOIN LATERAL (
            SELECT key_id FROM addresses a WHERE a.key_id > key.key_id ORDER BY key_id LIMIT 1) AS next)
    SELECT key_id FROM key WHERE key_id <> ALL(%(held)s::integer[]) AND EXISTS (
        SELECT 1 FROM addresses a JOIN participations p ON p.id = a.participation_id
        WHERE a.key_id = key.key_id AND p.present AND (a.generation = p.generation OR a.purpose = 'unsubscribe'))
"""


class AddressOwner(Protocol):
    """Columns of a participation on which its addresses depend; a row, or values."""

    @property
    def app_id(self) -> str:
        """The app."""

    @property
    def id(self) -> UUID:
        """The participation's id."""

    @property
    def generation(self) -> int:
        """Number of rotations, never lowered."""

    @property
    def present(self) -> bool:
        """False after leaving."""

    @property
    def access(self) -> str:
        """An `Access` value."""

    @property
    def takes_part(self) -> bool:
        """False after leaving and with access None."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Participation and purpose of an inbound address; a digest's has no conversation, and its delivery's id."""

    purpose: Purpose
    app_id: str | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    participation_id: UUID | None = None
    generation: int | None = None
    delivery_id: UUID | None = None


def issue(session: Session, keyring: Keyring, participation: Participation, purpose: Purpose) -> str:
    """Local part for this participation, stored; the same until its generation or our current key changes."""
    local, row = made(keyring, participation, purpose)
    keep(session, [row])
    return local


def made(keyring: Keyring, participation: AddressOwner, purpose: Purpose) -> tuple[str, dict[str, Any]]:
    """Local part, and the row to be stored before mail to it is accepted."""
    key = keyring.current
    local = address.token(key, participation.id, participation.generation, purpose)
    return local, {
        "app_id": participation.app_id,
        "participation_id": participation.id,
        "purpose": purpose,
        "generation": participation.generation,
        "key_id": key.id,
        "hash": address.lookup(key, local),
    }


def keep(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store the rows of issued addresses."""
    if rows:
        session.execute(_KEEP, {"rows": bulk.encode(rows)})


def find(session: Session, keyring: Keyring, local: str) -> Bearer | None:
    """Find a live address by its local part; None alike for unknown, left, read-only, revoked and never issued."""
    key = address.signer(keyring, local)
    if key is None:
        return None
    found = address.lookup(key, local)
    return find_many(session, [found]).get(found)


def find_many(session: Session, wanted: Sequence[bytes]) -> dict[bytes, Bearer]:
    """Find live addresses by their hashes."""
    return bearers(session.connection().exec_driver_sql(BEARERS, hashes(wanted)).all())


def missing_keys(session: Session, keyring: Keyring) -> list[int]:
    """Ids of keys that live addresses were made with and the ring lacks."""
    return list(session.connection().exec_driver_sql(MISSING_KEYS, {"held": keyring.ids}).scalars())


def hashes(wanted: Sequence[bytes]) -> dict[str, object]:
    """Parameters of `BEARERS`."""
    return {"hashes": list(wanted)}


def bearers(rows: Iterable[Sequence[Any]]) -> dict[bytes, Bearer]:
    """Rows of `BEARERS` by hash, only those of live addresses."""
    return {
        bytes(hash_): Bearer(Purpose(purpose), *participation)
        for hash_, purpose, present, access, *participation in rows
        if _serves(present and access != Access.NONE, access, Purpose(purpose))
    }


def serves(participation: AddressOwner, purpose: Purpose) -> bool:
    """True if mail to the participant's address of this purpose is accepted: a reply needs write access."""
    return _serves(participation.takes_part, participation.access, purpose)


def _serves(takes_part: bool, access: str, purpose: Purpose) -> bool:
    return takes_part and (purpose is not Purpose.REPLY or access == Access.READ_WRITE)
