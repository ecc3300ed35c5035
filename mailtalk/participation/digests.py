"""Digests: their Reply-To address and their unsubscribe link, both of one mail; and whose conversations they hold."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from mailtalk import signed
from mailtalk.db import sql
from mailtalk.ids import ParticipantKey
from mailtalk.keys import Keyring
from mailtalk.participation.links import ID_BYTES, UNSUBSCRIBE

_READER = sql.statement("""
    SELECT d.app_id, d.user_id FROM deliveries d WHERE d.id = :delivery AND d.kind = $DeliveryKind.DIGEST""")
_DIGESTED = sql.statement("""
    -- participations of a user whose messages come in digests
    SELECT p.conversation_id FROM participations p JOIN apps a ON a.id = p.app_id
    WHERE p.app_id = :app AND p.user_id = :user AND p.present AND p.access <> $Access.NONE
        AND NOT (p.notify = $Notify.OFF AND $Choice.NOTIFY = ANY(p.chosen))
        AND CASE p.frequency WHEN $Frequency.DEFAULT THEN a.frequency ELSE p.frequency END
            IN ($Frequency.HOURLY, $Frequency.DAILY)
    ORDER BY p.conversation_id""")


@dataclass(frozen=True, slots=True)
class DigestOwner:
    """Owner of a digest's address: the delivery itself, which has one address for ever."""

    app_id: str
    id: UUID
    generation: int = 0
    present: bool = True
    access: str = ""
    takes_part: bool = True


class DigestReader(NamedTuple):
    """Reader of a digest."""

    app_id: str
    user_id: str


def unsubscribe(keyring: Keyring, base_url: str, delivery_id: UUID) -> str:
    """URL for List-Unsubscribe: a POST ends the digests of the app to this reader (RFC 8058)."""
    return f"{base_url}{UNSUBSCRIBE}{signed.token(keyring, signed.DIGEST, delivery_id.bytes)}"


def delivery(keyring: Keyring, token: str) -> UUID | None:
    """Delivery of a link's token; None for a wrong one, or one of a participation."""
    content = signed.read(keyring, signed.DIGEST, token)
    return UUID(bytes=content) if content is not None and len(content) == ID_BYTES else None


def reader(session: Session, delivery_id: UUID) -> DigestReader | None:
    """Reader of a digest; None once the mail is no longer kept."""
    row = session.execute(_READER, {"delivery": delivery_id}).one_or_none()
    return DigestReader(*row) if row else None


def digested(session: Session, reader: DigestReader) -> list[ParticipantKey]:
    """Participations that reach the reader by digest, unless they chose to get nothing."""
    conversation_ids = session.scalars(_DIGESTED, {"app": reader.app_id, "user": reader.user_id})
    return [ParticipantKey.of(reader.app_id, conversation_id, reader.user_id) for conversation_id in conversation_ids]
