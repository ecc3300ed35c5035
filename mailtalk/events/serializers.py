"""Rows in wire form, for API responses and webhook events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

from mailtalk import clock
from mailtalk.events import content, schemas
from mailtalk.models import Conversation, Message, Participation, User
from mailtalk.vocabulary import Access, MessageType, Notify, Origin

_NOTIFY: dict[str, bool | Literal["MentionsOnly"]] = {
    Notify.ALL: True,
    Notify.OFF: False,
    Notify.MENTIONS_ONLY: "MentionsOnly",
}


def user(row: User) -> schemas.User:
    """User in wire form; unset values are null."""
    return schemas.User(
        id=row.id,
        name=row.name,
        email=row.emails,
        phone=row.phones,
        photo_url=row.photo_url,
        welcome_message=row.welcome_message,
        locale=row.locale,
        time_zone=row.time_zone,
        role=row.role,
        custom=row.custom,
        push_tokens=row.push_tokens or {},
        availability_text=row.availability_text,
        header_photo_url=row.header_photo_url,
        created_at=clock.millis(row.created_at),
    )


def message(row: Message, read_by: Sequence[str]) -> schemas.Message:
    """Message and its readers in wire form. A stored file stays a reference until `files.Links` resolves it."""
    return schemas.Message(
        id=row.id,
        conversation_id=row.conversation_id,
        type=MessageType(row.type),
        sender_id=row.sender_id,
        text=row.text,
        content=content.blocks(row.text, row.content, row.location),
        read_by=list(read_by),
        origin=Origin(row.origin),
        location=row.location,
        attachment=cast("Any", row.attachment),
        custom=row.custom,
        created_at=clock.millis(row.created_at),
        edited_at=clock.millis(row.edited_at) if row.edited_at else None,
        referenced_message_id=row.referenced_message_id,
        reactions=[],
    )


def conversation(row: Conversation) -> schemas.Conversation:
    """Conversation in wire form, without participants and messages."""
    return schemas.Conversation(
        id=row.id,
        subject=row.subject,
        photo_url=row.photo_url,
        welcome_messages=row.welcome_messages,
        custom=row.custom,
        created_at=clock.millis(row.created_at),
        topic_id=row.id,
    )


def members(rows: Sequence[Participation]) -> dict[str, schemas.ParticipantSettings]:
    """Participants by user id."""
    return {row.user_id: schemas.ParticipantSettings(Access(row.access), notify(row.notify)) for row in rows}


def participant(row: Any, now: datetime) -> dict[str, object]:
    """Settings of a participation, its row or its state, in events."""
    muted = row.mute_until is not None and row.mute_until > now
    return {
        "access": row.access,
        "notify": notify(row.notify),
        "frequency": row.frequency,
        "muteUntil": clock.iso(row.mute_until) if muted else None,
    }


def notify(value: str) -> bool | Literal["MentionsOnly"]:
    """Wire form of a notify value."""
    return _NOTIFY[value]
