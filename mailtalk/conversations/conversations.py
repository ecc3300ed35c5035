"""Conversations: created and merged by backend services; the row is the lock of all that happens in it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.conversations.users import assign
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.events import payloads
from mailtalk.events import record as events
from mailtalk.models import Conversation, Participation
from mailtalk.vocabulary import Access, EventType

_DELETE = (
    """UPDATE notifications SET status = 'cancelled', reason = 'conversation-deleted', ended_at = :now
        WHERE app_id = :app AND conversation_id = :conversation AND status = 'open'""",
    """UPDATE deliveries SET stage = 'cancelled', reply = 'conversation deleted', ended_at = :now
        WHERE app_id = :app AND conversation_id = :conversation AND stage IN ('queued', 'deferred', 'unknown')""",
    """DELETE FROM addresses WHERE app_id = :app AND participation_id IN (
        SELECT id FROM participations WHERE app_id = :app AND conversation_id = :conversation)""",
    "DELETE FROM participations WHERE app_id = :app AND conversation_id = :conversation",
    "DELETE FROM files WHERE app_id = :app AND conversation_id = :conversation",
    "DELETE FROM messages WHERE app_id = :app AND conversation_id = :conversation",
    "DELETE FROM conversations WHERE app_id = :app AND id = :conversation",
)


def put(session: Session, app_id: str, conversation_id: str, fields: dict[str, Any]) -> None:
    """Create the conversation, or merge the given columns; `custom` merges key by key."""
    session.execute(insert(Conversation).values(app_id=app_id, id=conversation_id, custom={}).on_conflict_do_nothing())
    row = lock(session, app_id, conversation_id)
    assign(row, fields)


def get(session: Session, app_id: str, conversation_id: str) -> Conversation:
    """The conversation; NotFound when the app has none of this id."""
    return _found(session.get(Conversation, (app_id, conversation_id)), conversation_id)


def lock(session: Session, app_id: str, conversation_id: str) -> Conversation:
    """The conversation, locked until the transaction ends; foreign keys to it go on being inserted."""
    key_share = {"key_share": True}  # FOR NO KEY UPDATE
    return _found(session.get(Conversation, (app_id, conversation_id), with_for_update=key_share), conversation_id)


def participants(session: Session, app_id: str, conversation_id: str) -> list[Participation]:
    """Those who take part now: not who left, not who has access None."""
    query = _taking_part(app_id, conversation_id)
    return list(session.scalars(query.order_by(Participation.joined_at, Participation.user_id)))


def participants_page(
    session: Session, app_id: str, conversation_id: str, limit: int, after: str | None = None
) -> list[Participation]:
    """Those who take part now, newest join first; after a user who takes or took part, else Invalid."""
    get(session, app_id, conversation_id)
    query = _taking_part(app_id, conversation_id)
    newest = tuple_(Participation.joined_at, Participation.user_id)
    if after is not None:
        last = session.get(Participation, (app_id, conversation_id, after))
        if last is None:
            raise Invalid({"startingAfter": [f"{after!r} never was a participant"]})
        query = query.where(newest < (last.joined_at, last.user_id))
    return list(session.scalars(query.order_by(newest.desc()).limit(limit)))


def participant(session: Session, app_id: str, conversation_id: str, user_id: str) -> Participation:
    """One participation that has not ended, with access None too; NotFound otherwise."""
    row = session.get(Participation, (app_id, conversation_id, user_id))
    if row is None or not row.present:
        get(session, app_id, conversation_id)
        raise NotFound({"userId": [f"no participant {user_id!r}"]}, ErrorCode.PARTICIPANT_NOT_FOUND)
    return row


def delete(session: Session, app_id: str, conversation_id: str, now: datetime) -> None:
    """Delete the conversation and all that is in it; its addresses die, its mails that were not sent are cancelled.

    Changes that still wait are rejected by the worker, which finds no conversation.
    """
    row = lock(session, app_id, conversation_id)
    kind = EventType.CONVERSATION_DELETED
    if events.wanted(session, app_id, kind):
        data = {"conversation": payloads.conversation(session, row)}
        events.record(session, now, app_id, kind, data, conversation_id)
    values = {"app": app_id, "conversation": conversation_id, "now": now}
    for statement in _DELETE:
        session.execute(text(statement), values)


def _taking_part(app_id: str, conversation_id: str) -> Select[Participation]:
    return (
        select(Participation)
        .where(Participation.app_id == app_id, Participation.conversation_id == conversation_id)
        .where(Participation.present, Participation.access != Access.NONE)
    )


def _found(row: Conversation | None, conversation_id: str) -> Conversation:
    if row is None:
        raise NotFound({"conversationId": [f"no conversation {conversation_id!r}"]}, ErrorCode.CONVERSATION_NOT_FOUND)
    return row
