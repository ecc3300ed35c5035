"""Key check: one sealed row per database, which reveals a wrong MAILTALK_SECRET_KEY before any request fails by it."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.keys import Keyring, SealBroken
from mailtalk.models import KeyCheck

_ABOUT = "key check"
_ROW = 1


class MissingKey(Exception):
    """The database is sealed with a key that is missing from the key ring; the text gives both key ids."""


def verify(session: Session, keyring: Keyring) -> None:
    """Open the database's check row, and reseal it if the first key has changed; MissingKey if no key opens it."""
    first = KeyCheck(id=_ROW, sealed=keyring.seal(b"", about=_ABOUT))
    session.execute(insert(KeyCheck).values(id=first.id, sealed=first.sealed).on_conflict_do_nothing())
    row = session.get_one(KeyCheck, _ROW, with_for_update=True)
    try:
        keyring.unseal(row.sealed, about=_ABOUT)
    except SealBroken:
        held = ", ".join(f"{key.id:08x}" for key in keyring.keys)
        raise MissingKey(f"key {keyring.sealed_by(row.sealed):08x} is missing (there is {held})") from None
    if keyring.sealed_by(row.sealed) != keyring.current.id:
        row.sealed = first.sealed
