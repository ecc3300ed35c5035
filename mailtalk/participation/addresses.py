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

# Addresses by hash, each with its participation. One for unsubscribing outlives a rotation, as the link beside it does.
BEARERS: LiteralString = """
    SELECT a.hash, a.purpose, p.present, p.access, p.app_id, p.conversation_id, p.user_id, p.id, p.generation
    FROM addresses a JOIN participations p ON p.id = a.participation_id
    WHERE a.hash = ANY(%(hashes)b::bytea[]) AND (a.generation = p.generation OR a.purpose = 'unsubscribe')
"""


class AddressOwner(Protocol):
    """What an address depends on: a participation's row, or its values."""

    @property
    def app_id(self) -> str:
        """The app."""

    @property
    def id(self) -> UUID:
        """The participation's id."""

    @property
    def generation(self) -> int:
        """Goes up with every rotation."""

    @property
    def present(self) -> bool:
        """False after leaving."""

    @property
    def access(self) -> str:
        """Of `Access`."""

    @property
    def takes_part(self) -> bool:
        """False after leaving and with access None."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose address it is and what it is for."""

    purpose: Purpose
    app_id: str | None = None
    conversation_id: str | None = None
    user_id: str | None = None
    participation_id: UUID | None = None
    generation: int | None = None
    delivery_id: UUID | None = None


def issue(session: Session, keyring: Keyring, participation: Participation, purpose: Purpose) -> str:
    """The local part for this participation; the same until its generation or our signing key changes."""
    local, row = made(keyring, participation, purpose)
    keep(session, [row])
    return local


def made(keyring: Keyring, participation: AddressOwner, purpose: Purpose) -> tuple[str, dict[str, Any]]:
    """The local part, and the row that has to be kept so that mail to it is taken."""
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
    """Keep the rows of addresses that are issued."""
    if rows:
        session.execute(_KEEP, {"rows": bulk.encode(rows)})


def find(session: Session, keyring: Keyring, local: str) -> Bearer | None:
    """Find one live address by its local part; None for unknown, left, read-only, revoked and never issued alike."""
    key = address.signer(keyring, local)
    if key is None:
        return None
    found = address.lookup(key, local)
    rows = session.connection().exec_driver_sql(BEARERS, hashes([found])).all()
    return bearers(rows).get(found)


def hashes(wanted: Sequence[bytes]) -> dict[str, object]:
    """Parameters of `BEARERS`."""
    return {"hashes": list(wanted)}


def bearers(rows: Iterable[Sequence[Any]]) -> dict[bytes, Bearer]:
    """The result of `BEARERS` by hash: the live addresses."""
    return {
        bytes(hash_): Bearer(Purpose(purpose), *participation)
        for hash_, purpose, present, access, *participation in rows
        if _serves(present and access != Access.NONE, access, Purpose(purpose))
    }


def serves(participation: AddressOwner, purpose: Purpose) -> bool:
    """True if mail to the participant's address of this purpose is taken: to reply one must be allowed to write."""
    return _serves(participation.takes_part, participation.access, purpose)


def _serves(takes_part: bool, access: str, purpose: Purpose) -> bool:
    return takes_part and (purpose is not Purpose.REPLY or access == Access.READ_WRITE)
