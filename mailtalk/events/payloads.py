"""Payloads: what an event's receivers see, put together from the rows; TalkJS's shapes where it has them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

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
    """`{conversation, message, sender}` for each; the system's messages have no sender."""
    place = conversation(session, row)
    senders = users(session, row.app_id, [each.sender_id for each in found if each.sender_id])
    return [
        {
            "conversation": place,
            "message": serializers.message(each, read_by.get(each.id, ())),
            "sender": senders.get(each.sender_id or ""),
        }
        for each in found
    ]


def users(session: Session, app_id: str, user_ids: Iterable[str]) -> dict[str, schemas.User]:
    """Users by id."""
    found = session.scalars(select(User).where(User.app_id == app_id, User.id.in_(set(user_ids))))
    return {row.id: serializers.user(row) for row in found}
