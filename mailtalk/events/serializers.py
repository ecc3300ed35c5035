"""Rows as the wire has them, for the API's answers and for what webhooks tell."""

from collections.abc import Sequence
from typing import Any

from mailtalk import clock
from mailtalk.models import Conversation, Message, Participation, User
from mailtalk.vocabulary import Notify

Json = dict[str, Any]
_NOTIFY: dict[str, bool | str] = {Notify.ALL: True, Notify.OFF: False, Notify.MENTIONS_ONLY: "MentionsOnly"}


def user(row: User) -> Json:
    """A user, nulls too."""
    return {
        "id": row.id,
        "name": row.name,
        "email": row.emails,
        "phone": row.phones,
        "photoUrl": row.photo_url,
        "welcomeMessage": row.welcome_message,
        "locale": row.locale,
        "timeZone": row.time_zone,
        "role": row.role,
        "custom": row.custom,
        "pushTokens": row.push_tokens,
        "createdAt": clock.millis(row.created_at),
    }


def message(row: Message, read_by: Sequence[str]) -> Json:
    """A message, and who has read it; a file that came by mail is still a reference, of which `files` makes a link."""
    return {
        "id": row.id,
        "conversationId": row.conversation_id,
        "type": row.type,
        "senderId": row.sender_id,
        "text": row.text,
        "readBy": list(read_by),
        "origin": row.origin,
        "location": row.location,
        "attachment": row.attachment,
        "custom": row.custom,
        "createdAt": clock.millis(row.created_at),
        "editedAt": clock.millis(row.edited_at) if row.edited_at else None,
        "referencedMessageId": row.referenced_message_id,
    }


def conversation(row: Conversation) -> Json:
    """A conversation without who takes part and what was said."""
    return {
        "id": row.id,
        "subject": row.subject,
        "photoUrl": row.photo_url,
        "welcomeMessages": row.welcome_messages,
        "custom": row.custom,
        "createdAt": clock.millis(row.created_at),
        "topicId": row.id,
    }


def members(rows: Sequence[Participation]) -> Json:
    """Who takes part, as a conversation's map."""
    return {row.user_id: {"access": row.access, "notify": notify(row.notify)} for row in rows}


def notify(value: str) -> bool | str:
    """Our notify as TalkJS writes it."""
    return _NOTIFY[value]
