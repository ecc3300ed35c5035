"""Posting in batches: messages of many locked conversations in a constant number of statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mailtalk.conversations import messages
from mailtalk.conversations.drafts import Draft
from mailtalk.db.bulk import insert_rows
from mailtalk.events import payloads
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ConversationKey
from mailtalk.models import Conversation, Message
from mailtalk.notifications import windows
from mailtalk.notifications.windows import Pace
from mailtalk.vocabulary import EventType

_WRITTEN = tuple(column.name for column in Message.__table__.columns if column.name != "edited_at")


def post_many(
    session: Session, now: datetime, pace: Pace, posts: Sequence[tuple[Conversation, Sequence[Draft]]]
) -> list[list[Message]]:
    """Append users' messages to locked conversations and open their windows, all in a constant number of statements.

    One conversation may have several posts. The authors' rights and the references are the caller's to check; drafts
    have no idempotency key. The conversations are not refreshed: their rows hold the new ends.
    """
    posted = [[_next(now, conversation, draft) for draft in drafts] for conversation, drafts in posts]
    added = [message for post in posted for message in post]
    if not added:
        return posted
    insert_rows(session, Message, [_columns(message) for message in added])
    windows.announce_many(session, now, pace, _by_conversation(posts, posted))
    _tell_many(session, now, [conversation for conversation, _ in posts], added)
    return posted


def _next(now: datetime, conversation: Conversation, draft: Draft) -> Message:
    conversation.last_seq += 1
    conversation.last_message_at = max(now, conversation.last_message_at or now)
    return messages.from_draft(conversation.last_message_at, conversation, draft)


def _columns(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _WRITTEN}


def _by_conversation(
    posts: Sequence[tuple[Conversation, Sequence[Draft]]], posted: Sequence[Sequence[Message]]
) -> list[tuple[Conversation, list[Message]]]:
    grouped: dict[ConversationKey, tuple[Conversation, list[Message]]] = {}
    for (conversation, _), post in zip(posts, posted, strict=True):
        key = ConversationKey(conversation.app_id, conversation.id)
        grouped.setdefault(key, (conversation, []))[1].extend(post)
    return [pair for pair in grouped.values() if pair[1]]


def _tell_many(
    session: Session, now: datetime, conversations: Sequence[Conversation], added: Sequence[Message]
) -> None:
    wanting = events.wanting(session, {message.app_id for message in added}, EventType.MESSAGE_SENT)
    told = [message for message in added if message.app_id in wanting]
    if told:
        rows = {ConversationKey(row.app_id, row.id): row for row in conversations if row.app_id in wanting}
        data = payloads.new_messages(session, list(rows.values()), told)
        kind = EventType.MESSAGE_SENT
        happened = [
            Happened(message.app_id, kind, payload, message.conversation_id)
            for message, payload in zip(told, data, strict=True)
        ]
        events.record_many(session, happened, now)
