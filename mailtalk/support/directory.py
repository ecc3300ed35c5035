"""Directory: users and conversations of an app, listed and searched by operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from mailtalk.conversations import apps, conversations
from mailtalk.conversations import users as user_records
from mailtalk.ids import ConversationKey
from mailtalk.models import Conversation, Participation, User


@dataclass(frozen=True, slots=True)
class DirectorySearch:
    """Search in an app: a part of an id, name, address or subject, in any case; conversations also of one user.

    A search for text may have to read all users or conversations of the app.
    """

    app_id: str
    text: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class UserReport:
    """A user, with the number of conversations they take part in."""

    app_id: str
    id: str
    name: str
    emails: Sequence[str]
    created_at: datetime
    conversations: int


@dataclass(frozen=True, slots=True)
class ConversationReport:
    """A conversation, with the number of its participants; `window_due_at` is when new messages are next mailed."""

    app_id: str
    id: str
    subject: str | None
    created_at: datetime
    last_message_at: datetime | None
    messages: int
    window_due_at: datetime | None
    participants: int


def user_page(session: Session, search: DirectorySearch, *, limit: int, after: str | None = None) -> list[UserReport]:
    """Users, newest first, after the user `after`; NotFound for an unknown app or user."""
    apps.found(session, search.app_id)
    query = _users(search.app_id)
    if search.text is not None:
        query = query.where(_contains(search.text, User.id, User.name, func.array_to_string(User.emails, " ")))
    if after is not None:
        last = user_records.get(session, search.app_id, after)
        query = query.where(tuple_(User.created_at, User.id) < tuple_(last.created_at, last.id))
    rows = session.execute(query.order_by(User.created_at.desc(), User.id.desc()).limit(limit))
    return [_user(row, count) for row, count in rows]


def users_of_address(session: Session, address: str, app_id: str | None = None) -> list[UserReport]:
    """Users of an app, or of all, who have this email address, in any case."""
    ids = [apps.found(session, app_id).id] if app_id is not None else [app.id for app in apps.listed(session)]
    has_address = func.lowered(User.emails, type_=ARRAY(Text)).contains([address.lower()])
    rows = [session.execute(_users(each).where(has_address).order_by(User.id)).all() for each in ids]
    return [_user(row, count) for users in rows for row, count in users]


def get_user(session: Session, app_id: str, user_id: str) -> UserReport:
    """One user; NotFound if the app has none."""
    user_records.get(session, app_id, user_id)
    row, count = session.execute(_users(app_id).where(User.id == user_id)).one()
    return _user(row, count)


def conversation_page(
    session: Session, search: DirectorySearch, *, limit: int, after: str | None = None
) -> list[ConversationReport]:
    """Conversations, the latest activity first, after the conversation `after`; NotFound for an unknown id."""
    apps.found(session, search.app_id)
    query = _searched(search)
    if search.user_id is not None:
        user_records.get(session, search.app_id, search.user_id)
        query = query.where(_takes_part(search.user_id))
    activity = tuple_(func.coalesce(Conversation.last_message_at, Conversation.created_at), Conversation.id)
    if after is not None:
        last = conversations.get(session, ConversationKey(search.app_id, after))
        query = query.where(activity < (last.last_message_at or last.created_at, last.id))
    rows = session.execute(query.order_by(*(column.desc() for column in activity)).limit(limit))
    return [_conversation(row, count) for row, count in rows]


def _users(app_id: str) -> Select[Any]:
    """Users with the number of their conversations."""
    number = select(func.count()).where(
        Participation.app_id == User.app_id, Participation.user_id == User.id, Participation.takes_part
    )
    return select(User, number.scalar_subquery()).where(User.app_id == app_id)


def _user(row: User, conversations: int) -> UserReport:
    return UserReport(row.app_id, row.id, row.name, row.emails or (), row.created_at, conversations)


def _searched(search: DirectorySearch) -> Select[Any]:
    count = select(func.count()).where(
        Participation.app_id == Conversation.app_id,
        Participation.conversation_id == Conversation.id,
        Participation.takes_part,
    )
    query = select(Conversation, count.scalar_subquery()).where(Conversation.app_id == search.app_id)
    return query if search.text is None else query.where(_contains(search.text, Conversation.id, Conversation.subject))


def _contains(text: str, *columns: Any) -> ColumnElement[bool]:
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def _takes_part(user_id: str) -> ColumnElement[bool]:
    mine = select(Participation.conversation_id).where(
        Participation.app_id == Conversation.app_id,
        Participation.conversation_id == Conversation.id,
        Participation.user_id == user_id,
        Participation.takes_part,
    )
    return mine.exists()


def _conversation(row: Conversation, participants: int) -> ConversationReport:
    return ConversationReport(
        row.app_id,
        row.id,
        row.subject,
        row.created_at,
        row.last_message_at,
        row.last_seq,
        row.window_due_at,
        participants,
    )
