"""Payloads of events, built from rows, in TalkJS's shapes where it has them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailtalk.db import arrays, sql
from mailtalk.events import schemas, serializers
from mailtalk.ids import ConversationKey
from mailtalk.models import Conversation, Message, Participation, Reaction, User

Json = dict[str, Any]
_MEMBERS = sql.statement("""
    SELECT p.* FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id) CROSS JOIN LATERAL (
        SELECT * FROM participations p WHERE p.app_id = key.app_id AND p.conversation_id = key.id
            AND p.present AND p.access <> $Access.NONE
        ORDER BY p.joined_at, p.user_id LIMIT :most) p
    ORDER BY p.joined_at, p.user_id""")
MOST_MEMBERS = 1_000  # participants in a payload: with more it would be larger than receivers accept


def conversation(session: Session, row: Conversation) -> schemas.Conversation:
    """Payload of a conversation; `participants` is null if there are too many."""
    return conversations(session, [row])[row.key]


def conversations(session: Session, rows: Sequence[Conversation]) -> dict[ConversationKey, schemas.Conversation]:
    """Payloads of many conversations by key, in one statement."""
    members: dict[ConversationKey, list[Participation]] = defaultdict(list)
    values = arrays.of_conversations(row.key for row in rows) | {"most": MOST_MEMBERS + 1}
    for member in session.scalars(select(Participation).from_statement(_MEMBERS), values):
        members[ConversationKey(member.app_id, member.conversation_id)].append(member)
    return {row.key: _with_members(row, members[row.key]) for row in rows}


def messages(
    session: Session, row: Conversation, found: Sequence[Message], read_by: Mapping[str, Sequence[str]]
) -> list[Json]:
    """`{conversation, message, sender}` for each message; a system message has no sender."""
    shared = conversation(session, row)
    senders = users(session, {(row.app_id, message.sender_id) for message in found if message.sender_id})
    counted = reactions(session, found)
    return [
        {
            "conversation": shared,
            "message": _message(message, read_by.get(message.id, ()), counted.get(message.id, [])),
            "sender": senders.get((row.app_id, message.sender_id or "")),
        }
        for message in found
    ]


def new_messages(session: Session, rows: Sequence[Conversation], written: Sequence[Message]) -> list[Json]:
    """`{conversation, message, sender}` for new messages of many conversations, which nobody has read."""
    shown = conversations(session, rows)
    senders = users(session, {(message.app_id, message.sender_id) for message in written if message.sender_id})
    return [
        {
            "conversation": shown[ConversationKey(message.app_id, message.conversation_id)],
            "message": serializers.message(message, ()),
            "sender": senders.get((message.app_id, message.sender_id or "")),
        }
        for message in written
    ]


def _message(row: Message, read_by: Sequence[str], counted: list[schemas.Reactions]) -> schemas.Message:
    message = serializers.message(row, read_by)
    message.reactions = counted
    return message


def reactions(session: Session, found: Sequence[Message]) -> dict[str, list[schemas.Reactions]]:
    """Reactions to messages of one app, by message id, the first emoji first."""
    if not found:
        return {}
    query = select(Reaction.message_id, Reaction.emoji, func.count()).where(
        Reaction.app_id == found[0].app_id, Reaction.message_id.in_([message.id for message in found])
    )
    grouped = query.group_by(Reaction.message_id, Reaction.emoji).order_by(func.min(Reaction.created_at))
    counted: dict[str, list[schemas.Reactions]] = {}
    for message_id, emoji, count in session.execute(grouped):
        counted.setdefault(message_id, []).append(schemas.Reactions(emoji, count))
    return counted


def users(session: Session, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], schemas.User]:
    """Users by app and id."""
    named = arrays.table(keys)
    rows = session.scalars(select(User).join(named, (User.app_id == named.c.app_id) & (User.id == named.c.id)))
    return {(row.app_id, row.id): serializers.user(row) for row in rows}


def _with_members(row: Conversation, members: Sequence[Participation]) -> schemas.Conversation:
    payload = serializers.conversation(row)
    payload.participants = serializers.members(members) if len(members) <= MOST_MEMBERS else None
    return payload
