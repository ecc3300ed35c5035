"""Payloads: what an event's receivers see, put together from the rows; TalkJS's shapes where it has them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.db import arrays
from mailtalk.events import schemas, serializers
from mailtalk.models import Conversation, Message, Participation, User

Json = dict[str, Any]
MOST_MEMBERS = 100  # of a conversation in a payload: beyond, it would be larger than receivers take


def conversation(session: Session, row: Conversation) -> schemas.Conversation:
    """The conversation; `participants` is null where there are more than fit."""
    members = session.scalars(
        select(Participation)
        .where(Participation.app_id == row.app_id, Participation.conversation_id == row.id)
        .where(Participation.takes_part)
        .order_by(Participation.joined_at, Participation.user_id)
        .limit(MOST_MEMBERS + 1)
    ).all()
    payload = serializers.conversation(row)
    payload.participants = serializers.members(members) if len(members) <= MOST_MEMBERS else None
    return payload


def messages(
    session: Session, row: Conversation, found: Sequence[Message], read_by: Mapping[str, Sequence[str]]
) -> list[Json]:
    """`{conversation, message, sender}` for each message; a system message has no sender."""
    shared = conversation(session, row)
    senders = users(session, {(row.app_id, message.sender_id) for message in found if message.sender_id})
    return [
        {
            "conversation": shared,
            "message": serializers.message(message, read_by.get(message.id, ())),
            "sender": senders.get((row.app_id, message.sender_id or "")),
        }
        for message in found
    ]


def users(session: Session, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], schemas.User]:
    """Users by app and id."""
    named = arrays.table(keys)
    rows = session.scalars(select(User).join(named, (User.app_id == named.c.app_id) & (User.id == named.c.id)))
    return {(row.app_id, row.id): serializers.user(row) for row in rows}
