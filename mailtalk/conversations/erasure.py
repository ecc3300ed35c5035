"""Erasure of a user: participations, addresses, mails and files go; their messages are anonymised or removed.

What others wrote stays, also where it names the user, and so do events that were recorded before, until they are
purged. Later, the id is that of a new user.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk import file_uses
from mailtalk.conversations import cursors, users
from mailtalk.db import sql
from mailtalk.errors import ErrorCode, NotFound, Unavailable
from mailtalk.events import payloads, serializers
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.models import Conversation, Participation, User
from mailtalk.vocabulary import Actor, EventType

NAME = "Deleted user"
# The user's rows in the locked conversations.
_IN = "app_id = :app AND conversation_id = ANY(:conversations)"
_FRAGMENTS = {
    "in_them": _IN,
    "of_user": f"{_IN} AND user_id = :user",
    "own": f"{_IN} AND sender_id = :user",
    "addresses": "SELECT lower(address) FROM users, unnest(emails) AS address WHERE app_id = :app AND id",
    "kept": """INSERT INTO list_places (app_id, name, id, moment, seq, until)
        SELECT app_id, 'messages/' || conversation_id, id, created_at, seq, now() + interval '30 days' FROM gone
        ON CONFLICT DO NOTHING""",
}

# Conversations with the user: as a participant at any time, or in imported messages.
_CONVERSATIONS = text("""
    SELECT * FROM conversations WHERE app_id = :app AND id IN (
        SELECT conversation_id FROM participations WHERE app_id = :app AND user_id = :user
        UNION SELECT conversation_id FROM messages WHERE app_id = :app AND origin = 'import' AND sender_id = :user
        UNION SELECT conversation_id FROM messages
            WHERE app_id = :app AND origin = 'import' AND read_by @> ARRAY[CAST(:user AS text)])
    ORDER BY id FOR NO KEY UPDATE""")
_ROWS = (
    # A mail that others got too is kept for them.
    """WITH gone AS (DELETE FROM inbound_mails WHERE app_id = :app AND user_id = :user
            AND (conversation_id = ANY(:conversations) OR conversation_id IS NULL) RETURNING id, raw_id)
        DELETE FROM raw_mails r USING gone WHERE r.id = gone.raw_id AND NOT EXISTS (
            SELECT 1 FROM inbound_mails m WHERE m.raw_id = r.id AND m.id NOT IN (SELECT id FROM gone))""",
    "DELETE FROM addresses WHERE participation_id IN (SELECT id FROM participations WHERE $of_user)",
    """DELETE FROM notices WHERE app_id = :app AND address IN (
        SELECT CAST(id AS text) FROM participations WHERE $of_user)""",
    "DELETE FROM photos WHERE app_id = :app AND user_id = :user",
    "DELETE FROM notifications WHERE $of_user",
    # A mail at its final dot is recorded as it ends.
    "DELETE FROM deliveries WHERE $of_user AND NOT (stage = 'sending' AND kind = 'notification')",
    "UPDATE deliveries SET user_id = '', address = '', body_sealed = '' WHERE $of_user",
    "DELETE FROM changes WHERE $of_user AND status <> 'pending'",
    """DELETE FROM reactions r USING messages m WHERE m.app_id = :app AND m.conversation_id = ANY(:conversations)
        AND r.app_id = m.app_id AND r.message_id = m.id AND r.user_id = :user""",
    """UPDATE participations SET view = view #- ARRAY['participants', CAST(:user AS text)]
        WHERE $in_them AND jsonb_exists(view -> 'participants', :user)""",
    "DELETE FROM participations WHERE $of_user",
    """DELETE FROM suppressions WHERE app_id = :app AND address IN ($addresses = :user)
        AND address NOT IN ($addresses <> :user)""",
)
_STATEMENTS = [sql.statement(source, **_FRAGMENTS) for source in _ROWS]
_FILES = sql.statement(
    "SELECT DISTINCT attachment ->> 'fileId' FROM messages WHERE $own AND attachment ->> 'fileId' IS NOT NULL",
    **_FRAGMENTS,
)
_REMOVE = sql.statement("WITH gone AS (DELETE FROM messages WHERE $own RETURNING *) $kept", **_FRAGMENTS)
# Those that would be empty: nothing but a file or a location.
_REMOVE_BARE = sql.statement(
    """WITH gone AS (DELETE FROM messages
        WHERE $own AND (btrim(text, E' \\t\\r\\n') = '' OR text = attachment ->> 'name') RETURNING *) $kept""",
    **_FRAGMENTS,
)
_ANONYMISE = sql.statement(
    """UPDATE messages SET sender_id = :stranger, attachment = NULL, location = NULL, elided = NULL, mail_id = NULL
        WHERE $own RETURNING 1""",
    **_FRAGMENTS,
)
_OTHERS = sql.statement(
    """UPDATE messages SET mentions = array_remove(mentions, :user), read_by = array_remove(read_by, :user)
        WHERE $in_them AND (:user = ANY(mentions) OR :user = ANY(read_by))""",
    **_FRAGMENTS,
)
_NEWEST = text("""
    UPDATE conversations c SET last_message_at = (
        SELECT max(created_at) FROM messages m WHERE m.app_id = c.app_id AND m.conversation_id = c.id)
    WHERE c.app_id = :app AND c.id = ANY(:conversations)""")


class ErasedMessages(StrEnum):
    """What becomes of an erased user's messages: ANONYMISE keeps their texts, REMOVE deletes them."""

    ANONYMISE = "anonymise"
    REMOVE = "remove"


def erase(  # noqa: PLR0913, PLR0917  a user, how, and by whom
    session: Session,
    now: datetime,
    app_id: str,
    user_id: str,
    messages: ErasedMessages = ErasedMessages.ANONYMISE,
    by: Actor = Actor.BACKEND,
) -> None:
    """Erase a user, in a constant number of statements. NotFound; Unavailable if they join a conversation meanwhile.

    Anonymised texts are those of a new user without any data.
    """
    values: dict[str, Any] = {"app": app_id, "user": user_id}
    conversations = session.scalars(select(Conversation).from_statement(_CONVERSATIONS), values).all()
    user = _lock(session, app_id, user_id)
    values["conversations"] = [*(conversation.id for conversation in conversations), ""]  # digests have no conversation
    left = _participations(session, values)
    files = session.scalars(_FILES, values).all()
    for statement in _STATEMENTS:
        session.execute(statement, values)
    _settle_messages(session, values, messages)
    file_uses.release(session, app_id, files)
    cursors.keep_end(session, app_id, users.LIST, user_id, user.created_at)
    session.delete(user)
    session.flush()
    _tell(session, now, _Erased(user, messages, by), conversations, left)


def _lock(session: Session, app_id: str, user_id: str) -> User:
    """The user, locked, so that they join no further conversation."""
    user = session.get(User, (app_id, user_id), with_for_update=True)
    if user is None:
        raise NotFound({"userId": [f"no user {user_id!r}"]}, ErrorCode.USER_NOT_FOUND)
    return user


def _participations(session: Session, values: dict[str, Any]) -> list[Participation]:
    """The user's current participations; Unavailable if one is in a conversation that is not locked."""
    query = select(Participation).filter_by(app_id=values["app"], user_id=values["user"])
    rows = session.scalars(query.order_by(Participation.conversation_id)).all()
    if not {row.conversation_id for row in rows} <= set(values["conversations"]):
        raise Unavailable("a user joined a conversation while being erased")
    return [row for row in rows if row.takes_part]


def _settle_messages(session: Session, values: dict[str, Any], messages: ErasedMessages) -> None:
    if messages is ErasedMessages.REMOVE:
        session.execute(_REMOVE, values)
    else:
        session.execute(_REMOVE_BARE, values)
        stranger = f"deleted_{secrets.token_hex(8)}"
        if session.execute(_ANONYMISE, values | {"stranger": stranger}).all():
            session.add(User(app_id=values["app"], id=stranger, name=NAME))
    session.execute(_OTHERS, values)
    session.execute(_NEWEST, values)


class _Erased(NamedTuple):
    """An erased user, what became of their messages, and who asked."""

    user: User
    mode: ErasedMessages
    by: Actor


def _tell(
    session: Session,
    now: datetime,
    erased: _Erased,
    conversations: Sequence[Conversation],
    left: Sequence[Participation],
) -> None:
    """Record `participant.left` for each conversation, then `user.deleted`; both name the user by id alone."""
    app_id = erased.user.app_id
    if not events.wanted(session, app_id, EventType.PARTICIPANT_LEFT, EventType.USER_DELETED):
        return
    stub = User(app_id=app_id, id=erased.user.id, name=NAME, custom={}, created_at=erased.user.created_at)
    user = serializers.user(stub)
    ids = {row.conversation_id for row in left}
    shown = payloads.conversations(session, [row for row in conversations if row.id in ids])
    happened = []
    for row in left:
        about = {"conversation": shown[row.key.conversation], "user": user, "by": erased.by}
        about["participant"] = serializers.participant(row, now)
        happened.append(Happened(app_id, EventType.PARTICIPANT_LEFT, about, row.conversation_id))
    data = {"user": user, "mode": erased.mode, "by": erased.by}
    events.record_many(session, [*happened, Happened(app_id, EventType.USER_DELETED, data)], now)
