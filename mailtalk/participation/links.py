"""Settings and unsubscribe links of a participation, for use in mails without a login.

A link works while its participant takes part, also after a rotation of the inbound address, so that the reader of any
old mail can unsubscribe. It gives access to the mail settings of this user of the app alone, whose conversations the
page lists.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk import signed
from mailtalk.keys import Keyring
from mailtalk.models import Participation

SETTINGS = "/settings/"
UNSUBSCRIBE = "/unsubscribe/"
ID_BYTES = 16
TOKEN_CHARS = 43


def settings(keyring: Keyring, base_url: str, participation: Participation) -> str:
    """URL of the participant's settings page."""
    return f"{base_url}{SETTINGS}{token(keyring, participation.id)}"


def unsubscribe(keyring: Keyring, base_url: str, participation: Participation) -> str:
    """URL for List-Unsubscribe: a POST ends this conversation's mails to this participant (RFC 8058)."""
    return f"{base_url}{UNSUBSCRIBE}{token(keyring, participation.id)}"


def token(keyring: Keyring, participation_id: UUID) -> str:
    """Signed id of a participation, the last part of both URLs; 43 base64url characters."""
    return signed.token(keyring, signed.PARTICIPATION, participation_id.bytes)


def read(session: Session, keyring: Keyring, token: str) -> Participation | None:
    """Participation of a token; None for a wrong token, and for a user who left or has access None."""
    participation_id = _participation_id(keyring, token)
    if participation_id is None:
        return None
    return session.scalar(select(Participation).where(Participation.id == participation_id, Participation.takes_part))


def _participation_id(keyring: Keyring, token: str) -> UUID | None:
    content = signed.read(keyring, signed.PARTICIPATION, token)
    return UUID(bytes=content) if content is not None and len(content) == ID_BYTES else None
