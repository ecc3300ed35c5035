"""Messages: posted under the conversation's lock, which gives their order and opens the window for mails."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk import conversations, mentions, notifications
from mailtalk.errors import Invalid, NotFound
from mailtalk.models import Conversation, Message, Participation
from mailtalk.notifications import Pace
from mailtalk.vocabulary import MessageType, Origin

TEXT_LIMIT = 100_000  # characters


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is to be posted."""

    type: MessageType
    text: str
    origin: Origin
    sender_id: str | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    elided: str | None = None
    names: dict[str, str] = field(default_factory=dict)  # of participants whom a plain @Name mentions


def post(
    session: Session, now: datetime, pace: Pace, conversation: Conversation, drafts: Sequence[Draft]
) -> list[Message]:
    """Append messages to a locked conversation and open its window; Invalid for a sender who may not write."""
    _check_senders(session, conversation, drafts)
    now = max(now, conversation.last_message_at or now)  # the clock of another machine may be behind
    conversation.last_message_at = now
    posted = [_add(session, now, conversation, draft) for draft in drafts]
    if any(message.type == MessageType.USER for message in posted):
        notifications.open_window(conversation, now, pace, from_seq=posted[0].seq)
    return posted


def page(  # noqa: PLR0913  a page is all of these
    session: Session,
    app_id: str,
    conversation_id: str,
    limit: int,
    starting_after: str | None = None,
    *,
    until: int | None = None,
) -> list[Message]:
    """Messages, newest first; those before `starting_after`, the last id seen, and not after the seq `until`.

    NotFound for an unknown id.
    """
    query = select(Message).where(Message.app_id == app_id, Message.conversation_id == conversation_id)
    if starting_after is not None:
        query = query.where(Message.seq < get(session, app_id, conversation_id, starting_after).seq)
    if until is not None:
        query = query.where(Message.seq <= until)
    return list(session.scalars(query.order_by(Message.seq.desc()).limit(limit)))


def get(session: Session, app_id: str, conversation_id: str, message_id: str) -> Message:
    """One message; NotFound when the conversation has none of this id."""
    query = select(Message).where(Message.app_id == app_id, Message.conversation_id == conversation_id)
    message = session.scalar(query.where(Message.id == message_id))
    if message is None:
        raise NotFound({"messageId": [f"no message {message_id!r}"]}, "MESSAGE_NOT_FOUND")
    return message


def readers(session: Session, app_id: str, conversation_id: str, message: Message) -> list[str]:
    """Who has read a message, by id; its sender is not listed."""
    query = select(Participation.user_id).where(
        Participation.app_id == app_id,
        Participation.conversation_id == conversation_id,
        Participation.read_seq >= message.seq,
    )
    return [
        user_id for user_id in session.scalars(query.order_by(Participation.user_id)) if user_id != message.sender_id
    ]


def _check_senders(session: Session, conversation: Conversation, drafts: Sequence[Draft]) -> None:
    senders = {draft.sender_id for draft in drafts if draft.sender_id is not None}
    query = select(Participation).where(
        Participation.app_id == conversation.app_id,
        Participation.conversation_id == conversation.id,
        Participation.user_id.in_(senders),
    )
    allowed = {row.user_id for row in session.scalars(query) if conversations.state(row).may_post}
    wrong = {
        f"{i}.sender": [f"{draft.sender_id!r} is not a participant who may write"]
        for i, draft in enumerate(drafts)
        if draft.sender_id is not None and draft.sender_id not in allowed
    }
    if wrong:
        raise Invalid(wrong)


def _add(session: Session, now: datetime, conversation: Conversation, draft: Draft) -> Message:
    conversation.last_seq += 1
    message = Message(
        app_id=conversation.app_id,
        conversation_id=conversation.id,
        seq=conversation.last_seq,
        id=f"msg_{secrets.token_urlsafe(16)}",
        type=draft.type,
        sender_id=draft.sender_id,
        text=draft.text,
        mentions=mentions.of_mail(draft.text, draft.names),
        origin=draft.origin,
        custom=draft.custom,
        elided=draft.elided,
        created_at=now,
    )
    session.add(message)
    return message
