"""Visibility: lists of conversations as an app or a user sees them, and the last message that a user may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.conversations import conversations, pages, users
from mailtalk.conversations.pages import Listing
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.ids import ParticipantKey
from mailtalk.models import Conversation, Message, Participation
from mailtalk.vocabulary import Sees


@dataclass(frozen=True, slots=True)
class Seen:
    """A conversation as its reader sees it; a frozen `view` replaces its participants."""

    conversation: Conversation
    last_message: Message | None
    view: dict[str, Any] | None = None
    participants: Sequence[Participation] = field(default_factory=tuple)
    unread: int = 0


def horizon(session: Session, key: ParticipantKey) -> int | None:
    """The last seq that this user may read; None for no limit. NotFound for a user who may read nothing."""
    conversations.get(session, key.conversation)
    users.get(session, key.app_id, key.user_id)
    row = session.get(Participation, (*key.conversation, key.user_id))
    if row is None or row.sees == Sees.NOTHING:
        raise NotFound(
            {"asUser": [f"{key.user_id!r} sees nothing of this conversation"]}, ErrorCode.PARTICIPANT_NOT_FOUND
        )
    return row.view_seq


def of_app(session: Session, app_id: str, listing: Listing) -> list[Seen]:
    """Conversations of an app."""
    return _seen(session, app_id, None, pages.of_app(session, app_id, listing))


def of_user(session: Session, app_id: str, user_id: str, listing: Listing) -> list[Seen]:
    """Conversations in a user's list, each as this user may see it."""
    return _seen(session, app_id, user_id, pages.of_user(session, app_id, user_id, listing))


def _seen(session: Session, app_id: str, user_id: str | None, rows: Sequence[Any]) -> list[Seen]:
    ids = [row.id for row in rows]
    conversations = {c.id: c for c in session.scalars(_in(Conversation, app_id, Conversation.id, ids))}
    views = _views(session, app_id, user_id, ids)
    last = _last_messages(session, app_id, rows)
    unread = _unread(session, app_id, user_id, rows) if user_id is not None else {}
    members = _members(session, app_id, ids)
    return [
        Seen(conversations[row.id], last.get(row.id), views.get(row.id), members.get(row.id, ()), unread.get(row.id, 0))
        for row in rows
    ]


def _in(model: Any, app_id: str, column: Any, ids: Sequence[str]) -> Any:
    return select(model).where(model.app_id == app_id, column.in_(ids))


def _views(session: Session, app_id: str, user_id: str | None, ids: Sequence[str]) -> Mapping[str, dict[str, Any]]:
    if user_id is None:
        return {}
    mine = _in(Participation, app_id, Participation.conversation_id, ids).where(Participation.user_id == user_id)
    rows = session.scalars(mine.where(Participation.sees == Sees.FROZEN))
    return {row.conversation_id: row.view or {} for row in rows}


def _last_messages(session: Session, app_id: str, rows: Sequence[Any]) -> Mapping[str, Message]:
    newest = text("""
        SELECT m.* FROM unnest(CAST(:ids AS text[]), CAST(:cuts AS bigint[])) AS seen (id, cut)
        CROSS JOIN LATERAL (
            SELECT * FROM messages WHERE app_id = :app AND conversation_id = seen.id
                AND seq <= coalesce(seen.cut, seq) ORDER BY created_at DESC, seq DESC LIMIT 1) AS m""")
    bound = newest.bindparams(app=app_id, ids=[row.id for row in rows], cuts=[row.cut for row in rows])
    return {m.conversation_id: m for m in session.scalars(select(Message).from_statement(bound))}


def _unread(session: Session, app_id: str, user_id: str, rows: Sequence[Any]) -> Mapping[str, int]:
    counted = session.execute(
        text("""
        SELECT seen.id, count(*) FROM unnest(CAST(:ids AS text[]), CAST(:cuts AS bigint[]), CAST(:reads AS bigint[]))
            AS seen (id, cut, read_seq)
        JOIN messages m ON m.app_id = :app AND m.conversation_id = seen.id AND m.seq > seen.read_seq
            AND m.seq <= coalesce(seen.cut, m.seq) AND m.sender_id IS DISTINCT FROM :user
        GROUP BY seen.id"""),
        {
            "app": app_id,
            "user": user_id,
            "ids": [row.id for row in rows],
            "cuts": [row.cut for row in rows],
            "reads": [row.read_seq for row in rows],
        },
    )
    return {row[0]: row[1] for row in counted}


def _members(session: Session, app_id: str, ids: Sequence[str]) -> Mapping[str, Sequence[Participation]]:
    query = _in(Participation, app_id, Participation.conversation_id, ids).where(Participation.takes_part)
    members: dict[str, list[Participation]] = {}
    for row in session.scalars(query.order_by(Participation.joined_at, Participation.user_id)):
        members.setdefault(row.conversation_id, []).append(row)
    return members
