"""Reactions: emojis that participants add to messages."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.conversations import conversations, messages, read_state
from mailtalk.errors import Invalid
from mailtalk.events import payloads
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.models import Message, Reaction
from mailtalk.vocabulary import EventType

MOST = 50  # different emojis of a message, as in TalkJS


def add(session: Session, now: datetime, key: ParticipantKey, message_id: str, emoji: str) -> None:
    """Add a participant's emoji; idempotent. NotFound for no participant or message."""
    message = _message(session, key, message_id)
    kinds = select(Reaction.emoji).filter_by(app_id=key.app_id, message_id=message_id).distinct()
    known = set(session.scalars(kinds))
    if emoji not in known and len(known) >= MOST:
        raise Invalid({"emoji": [f"a message has at most {MOST} different emojis"]})
    row = {"app_id": key.app_id, "message_id": message_id, "emoji": emoji, "user_id": key.user_id}
    fresh = insert(Reaction).values(**row, created_at=now).on_conflict_do_nothing().returning(Reaction.emoji)
    if session.scalar(fresh) is not None:
        _record(session, now, key, message, {"emoji": emoji, "added": True})


def remove(session: Session, now: datetime, key: ParticipantKey, message_id: str, emoji: str) -> None:
    """Remove a participant's emoji; idempotent. NotFound for no participant or message."""
    message = _message(session, key, message_id)
    row = {"app_id": key.app_id, "message_id": message_id, "emoji": emoji, "user_id": key.user_id}
    if session.scalar(delete(Reaction).filter_by(**row).returning(Reaction.emoji)) is not None:
        _record(session, now, key, message, {"emoji": emoji, "added": False})


def listed(session: Session, key: ConversationKey, message_id: str) -> dict[str, list[str]]:
    """User ids by emoji, in the order in which they were added."""
    conversations.get(session, key)
    messages.get(session, key, message_id)
    query = select(Reaction).filter_by(app_id=key.app_id, message_id=message_id)
    user_ids: dict[str, list[str]] = {}
    for row in session.scalars(query.order_by(Reaction.created_at, Reaction.emoji, Reaction.user_id)):
        user_ids.setdefault(row.emoji, []).append(row.user_id)
    return user_ids


def _message(session: Session, key: ParticipantKey, message_id: str) -> Message:
    conversations.participant(session, key)
    return messages.get(session, key.conversation, message_id)


def _record(
    session: Session, now: datetime, key: ParticipantKey, message: Message, reaction: dict[str, object]
) -> None:
    kind = EventType.MESSAGE_REACTION_UPDATED
    if not events.wanted(session, key.app_id, kind):
        return
    conversation = conversations.get(session, key.conversation)
    (data,) = payloads.messages(session, conversation, [message], read_state.of(session, [message]))
    happened = Happened(key.app_id, kind, data | {"reaction": reaction | {"userId": key.user_id}}, key.conversation.id)
    events.record_many(session, [happened], now)
