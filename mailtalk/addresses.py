"""Inbound addresses as rows: issued when first needed, found by hash, dead once the generation moved on."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.models import Address, Participation
from mailtalk.vocabulary import Access, Purpose


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
    key = keyring.current
    local = address.token(key, participation.id, participation.generation, purpose)
    row = insert(Address).values(
        app_id=participation.app_id,
        participation_id=participation.id,
        purpose=purpose,
        generation=participation.generation,
        key_id=key.id,
        hash=address.lookup(key, local),
    )
    session.execute(row.on_conflict_do_nothing())
    return local


def find(session: Session, keyring: Keyring, local: str) -> Bearer | None:
    """Whose live address this is; None for unknown, left, read-only, revoked and never issued alike."""
    key = address.signer(keyring, local)
    if key is None:
        return None
    query = (
        select(Participation, Address.purpose)
        .join(Address, Address.participation_id == Participation.id)
        .where(Address.hash == address.lookup(key, local), Address.generation == Participation.generation)
    )
    row = session.execute(query).one_or_none()
    if row is None or not serves(row.Participation, Purpose(row.purpose)):
        return None
    return _bearer(row.Participation, Purpose(row.purpose))


def serves(participation: Participation, purpose: Purpose) -> bool:
    """Whether mail to the participant's address of this purpose is taken: to reply one must be allowed to write."""
    if purpose is Purpose.REPLY:
        return participation.present and participation.access == Access.READ_WRITE
    return participation.present and participation.access != Access.NONE


def _bearer(row: Participation, purpose: Purpose) -> Bearer:
    return Bearer(purpose, row.app_id, row.conversation_id, row.user_id, row.id, row.generation)
