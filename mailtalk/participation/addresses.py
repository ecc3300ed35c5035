"""Inbound addresses as rows: issued when first needed, found by hash, dead once the generation moved on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.models import Address, Participation
from mailtalk.vocabulary import Access, Purpose

_KEEP = text("""
    INSERT INTO addresses (app_id, participation_id, purpose, generation, key_id, hash)
    SELECT a.app_id, a.participation_id, a.purpose, a.generation, a.key_id, decode(a.hash, 'hex')
    FROM unnest(CAST(:app_id AS text[]), CAST(:participation_id AS uuid[]), CAST(:purpose AS text[]),
        CAST(:generation AS bigint[]), CAST(:key_id AS integer[]), CAST(:hash AS text[]))
        AS a (app_id, participation_id, purpose, generation, key_id, hash)
    ON CONFLICT DO NOTHING""")


class Participant(Protocol):
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


def made(keyring: Keyring, participation: Participant, purpose: Purpose) -> tuple[str, dict[str, Any]]:
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
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        session.execute(_KEEP, columns | {"hash": [row["hash"].hex() for row in rows]})


def find(session: Session, keyring: Keyring, local: str) -> Bearer | None:
    """Whose live address this is; None for unknown, left, read-only, revoked and never issued alike.

    An old mail's address to unsubscribe outlives a rotation, as the link beside it does.
    """
    key = address.signer(keyring, local)
    if key is None:
        return None
    query = (
        select(Participation, Address.purpose)
        .join(Address, Address.participation_id == Participation.id)
        .where(Address.hash == address.lookup(key, local))
        .where((Address.generation == Participation.generation) | (Address.purpose == Purpose.UNSUBSCRIBE))
    )
    row = session.execute(query).one_or_none()
    if row is None or not serves(row.Participation, Purpose(row.purpose)):
        return None
    return _bearer(row.Participation, Purpose(row.purpose))


def serves(participation: Participant, purpose: Purpose) -> bool:
    """Whether mail to the participant's address of this purpose is taken: to reply one must be allowed to write."""
    if purpose is Purpose.REPLY:
        return participation.present and participation.access == Access.READ_WRITE
    return participation.takes_part


def _bearer(row: Participation, purpose: Purpose) -> Bearer:
    return Bearer(purpose, row.app_id, row.conversation_id, row.user_id, row.id, row.generation)
