"""Conversations: created and merged by backends; the row is the lock for every change within it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk import file_uses
from mailtalk.conversations import cursors, pages
from mailtalk.conversations.cursors import Place
from mailtalk.conversations.users import assign
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.events import payloads
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.models import Conversation, Participation
from mailtalk.vocabulary import EventType

_DELETE = (
    """UPDATE notifications SET status = 'cancelled', reason = 'conversation-deleted', ended_at = :now
        WHERE app_id = :app AND conversation_id = :conversation AND status = 'open'""",
    """UPDATE deliveries SET stage = 'cancelled', reply = 'conversation deleted', ended_at = :now
        WHERE app_id = :app AND conversation_id = :conversation
            AND stage IN ('queued', 'deferred', 'unknown', 'outdated')""",
    """DELETE FROM addresses WHERE app_id = :app AND participation_id IN (
        SELECT id FROM participations WHERE app_id = :app AND conversation_id = :conversation)""",
    "DELETE FROM participations WHERE app_id = :app AND conversation_id = :conversation",
    "DELETE FROM messages WHERE app_id = :app AND conversation_id = :conversation",
)


def put(session: Session, key: ConversationKey, fields: dict[str, Any]) -> None:
    """Create the conversation, or merge the given columns; `custom` merges key by key."""
    fresh = insert(Conversation).values(app_id=key.app_id, id=key.id, custom={})
    session.execute(fresh.on_conflict_do_nothing())
    assign(lock(session, key), fields)


def get(session: Session, key: ConversationKey) -> Conversation:
    """Conversation by key; NotFound if there is none."""
    return _found(session.get(Conversation, key), key)


def lock(session: Session, key: ConversationKey) -> Conversation:
    """Conversation, locked until the transaction ends; rows that reference it can still be inserted."""
    for_no_key_update = {"key_share": True}
    return _found(session.get(Conversation, key, with_for_update=for_no_key_update), key)


def participants(session: Session, key: ConversationKey) -> list[Participation]:
    """Current participants, oldest join first; without those who left or have access None."""
    query = _taking_part(key)
    return list(session.scalars(query.order_by(Participation.joined_at, Participation.user_id)))


def participants_page(
    session: Session, key: ConversationKey, limit: int, after: str | None = None
) -> list[Participation]:
    """Current participants, newest join first, after the user `after`; Invalid if that user was never a participant.

    Who joins again moves to the front; `after` stands for the place at which that user ended a page.
    """
    get(session, key)
    query, name = _taking_part(key), f"participants/{key.id}"
    newest = tuple_(Participation.joined_at, Participation.user_id)
    if after is not None:
        query = query.where(newest < (_joined_at(session, key, name, after), after))
    page = list(session.scalars(query.order_by(newest.desc()).limit(limit)))
    if len(page) == limit:
        cursors.keep_end(session, key.app_id, name, page[-1].user_id, page[-1].joined_at)
    return page


def participant(session: Session, key: ParticipantKey) -> Participation:
    """Participation of a current participant, also one with access None; NotFound otherwise."""
    row = session.get(Participation, (*key.conversation, key.user_id))
    if row is None or not row.present:
        get(session, key.conversation)
        raise NotFound({"userId": [f"no participant {key.user_id!r}"]}, ErrorCode.PARTICIPANT_NOT_FOUND)
    return row


def delete(session: Session, key: ConversationKey, now: datetime) -> None:
    """Delete the conversation with its content and addresses, and cancel its unsent mails.

    The worker rejects its pending changes.
    """
    row = lock(session, key)
    kind = EventType.CONVERSATION_DELETED
    if events.wanted(session, key.app_id, kind):
        data = {"conversation": payloads.conversation(session, row)}
        events.record_many(session, [Happened(key.app_id, kind, data, key.id)], now)
    activity = row.last_message_at or row.created_at
    places = {pages.deleted("lastActivity"): Place(activity), pages.deleted("createdAt"): Place(row.created_at)}
    cursors.keep_deleted(session, key.app_id, key.id, places)
    values = {"app": key.app_id, "conversation": key.id, "now": now}
    stored = file_uses.of_conversation(session, key)
    for statement in _DELETE:
        session.execute(text(statement), values)
    file_uses.release(session, key.app_id, stored)
    session.delete(row)


def _joined_at(session: Session, key: ConversationKey, name: str, user_id: str) -> datetime:
    """Time of the join at which the user ended a page, or of the last join."""
    kept = cursors.moment(session, key.app_id, name, user_id)
    if kept is not None:
        return kept
    last = session.get(Participation, (*key, user_id))
    if last is None:
        raise Invalid({"startingAfter": [f"{user_id!r} was never a participant"]})
    return last.joined_at


def _taking_part(key: ConversationKey) -> Select[Participation]:
    of_conversation = select(Participation).filter_by(app_id=key.app_id, conversation_id=key.id)
    return of_conversation.where(Participation.takes_part)


def _found(row: Conversation | None, key: ConversationKey) -> Conversation:
    if row is None:
        raise NotFound({"conversationId": [f"no conversation {key.id!r}"]}, ErrorCode.CONVERSATION_NOT_FOUND)
    return row
