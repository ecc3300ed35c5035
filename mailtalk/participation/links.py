"""Links in our mails that work without a login: the settings of one participation, and the end of its mails.

A link is live while its participant takes part, whatever address was rotated since, so that any old mail lets its
reader stop the mails. All it opens is how that one person is mailed.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.keys import Key, Keyring
from mailtalk.models import Participation
from mailtalk.vocabulary import Access

SETTINGS = "/settings/"
UNSUBSCRIBE = "/unsubscribe/"
ID_BYTES = 16
SIGN_BYTES = 16
TOKEN_CHARS = 43


def settings(keyring: Keyring, base_url: str, participation: Participation) -> str:
    """The address of the page where this participant chooses how they are mailed."""
    return f"{base_url}{SETTINGS}{token(keyring, participation.id)}"


def unsubscribe(keyring: Keyring, base_url: str, participation: Participation) -> str:
    """The address to which a POST ends this conversation's mails to this participant (RFC 8058)."""
    return f"{base_url}{UNSUBSCRIBE}{token(keyring, participation.id)}"


def token(keyring: Keyring, participation_id: UUID) -> str:
    """What such a link ends with: which participation, signed; 43 characters that fit any URL."""
    signed = participation_id.bytes + _signature(keyring.current, participation_id)
    return urlsafe_b64encode(signed).decode().rstrip("=")


def read(session: Session, keyring: Keyring, given: str) -> Participation | None:
    """Whose link it is; None for who left or has access None, and for a token that is none of ours."""
    participation_id = _opened(keyring, given)
    if participation_id is None:
        return None
    return session.scalar(
        select(Participation).where(
            Participation.id == participation_id, Participation.present, Participation.access != Access.NONE
        )
    )


def _opened(keyring: Keyring, given: str) -> UUID | None:
    if len(given) != TOKEN_CHARS or not given.isascii():
        return None
    try:
        raw = urlsafe_b64decode(given + "=")
    except NotBase64:
        return None
    participation_id, signature = UUID(bytes=raw[:ID_BYTES].ljust(ID_BYTES)), raw[ID_BYTES:]
    signer = keyring.signer(signature, lambda key: _signature(key, participation_id))
    return participation_id if signer else None


def _signature(key: Key, participation_id: UUID) -> bytes:
    return key.derive(b"link", participation_id.bytes)[:SIGN_BYTES]
