"""Read state: the last message that each participant has read; the sender never counts as a reader."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.conversations import conversations, users
from mailtalk.db.arrays import of_conversation, of_participant
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.events import payloads
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.models import Message
from mailtalk.vocabulary import EventType

TOLD = 100  # newest messages of one request, for which events are recorded
ROUNDING = timedelta(microseconds=500)  # the wire rounds to whole milliseconds


class _Moved(NamedTuple):
    """Read state of a user before and after a request."""

    user_id: str
    before: int
    after: int


def of(session: Session, messages: Sequence[Message]) -> Mapping[str, list[str]]:
    """Readers of messages, of any conversations, in one query: user ids by message id."""
    marks: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for row in _marks(session, messages) if messages else ():
        marks.setdefault((row[0], row[1]), []).append((row[2], row[3]))
    return {
        message.id: _readers(message, marks.get((message.app_id, message.conversation_id), ())) for message in messages
    }


def read_all(session: Session, key: ParticipantKey) -> None:
    """Mark all messages that the user may see as read. NotFound for no participant."""
    done = session.execute(
        text("""
        UPDATE participations p SET read_seq = greatest(p.read_seq, coalesce(p.view_seq, c.last_seq))
        FROM conversations c, participations before WHERE c.app_id = p.app_id AND c.id = p.conversation_id
            AND p.app_id = :app AND p.conversation_id = :conversation AND p.user_id = :user AND p.present
            AND before.id = p.id
        RETURNING before.read_seq, p.read_seq"""),
        of_participant(key),
    ).one_or_none()
    if done is None:
        raise _why(session, key)
    _tell(session, key.conversation, [_Moved(key.user_id, *done)])


def read_until(session: Session, key: ParticipantKey, moment: datetime) -> None:
    """Mark messages created up to this moment as read, and later ones as unread. NotFound for no participant.

    An old message that was imported after a newer one stays unread, as do all that follow it.
    """
    if not read_until_many(session, key.conversation, {key.user_id: moment}):
        raise _why(session, key)


def read_until_many(session: Session, key: ConversationKey, moments: Mapping[str, datetime]) -> set[str]:
    """Mark messages read up to each user's moment, in one statement; returns the users who are participants."""
    moved = session.execute(
        text("""
        UPDATE participations p SET read_seq = least(coalesce(p.view_seq, c.last_seq), coalesce((
            SELECT min(m.seq) - 1 FROM messages m WHERE m.app_id = c.app_id AND m.conversation_id = c.id
                AND m.created_at > read.until), c.last_seq))
        FROM conversations c, participations before,
            unnest(CAST(:users AS text[]), CAST(:untils AS timestamptz[])) AS read (user_id, until)
        WHERE c.app_id = p.app_id AND c.id = p.conversation_id
            AND p.app_id = :app AND p.conversation_id = :conversation AND p.user_id = read.user_id AND p.present
            AND before.id = p.id
        RETURNING p.user_id, before.read_seq, p.read_seq"""),
        of_conversation(key) | {"users": list(moments), "untils": [until + ROUNDING for until in moments.values()]},
    )
    rows = [_Moved(*row) for row in moved]
    _tell(session, key, rows)
    return {row.user_id for row in rows}


def mark_unread(session: Session, key: ParticipantKey) -> None:
    """Mark the last message by someone else that the user may see as unread. NotFound for no participant."""
    check(session, key)
    session.execute(
        text("""
        UPDATE participations p SET read_seq = least(p.read_seq, (
            SELECT max(m.seq) - 1 FROM messages m WHERE m.app_id = p.app_id AND m.conversation_id = p.conversation_id
                AND m.seq <= coalesce(p.view_seq, m.seq) AND m.sender_id IS DISTINCT FROM p.user_id))
        WHERE p.app_id = :app AND p.conversation_id = :conversation AND p.user_id = :user"""),
        of_participant(key),
    )


def check(session: Session, key: ParticipantKey) -> None:
    """NotFound for no participant."""
    users.get(session, key.app_id, key.user_id)
    conversations.get(session, key.conversation)
    conversations.participant(session, key)


def _tell(session: Session, key: ConversationKey, moved: Sequence[_Moved]) -> None:
    """Record an event for each message that a user has just read, except the user's own."""
    ahead = [row for row in moved if row.after > row.before]
    kind = EventType.MESSAGE_READ
    if not ahead or not events.wanted(session, key.app_id, kind):
        return
    read = _between(session, key, min(row.before for row in ahead), max(row.after for row in ahead))
    told = payloads.messages(session, conversations.get(session, key), read, of(session, read))
    readers = payloads.users(session, [(key.app_id, row.user_id) for row in ahead])
    happened = [
        Happened(key.app_id, kind, data | {"recipient": readers.get((key.app_id, user_id))}, key.id)
        for user_id, before, after in ahead
        for message, data in zip(read, told, strict=True)
        if before < message.seq <= after and message.sender_id != user_id
    ]
    events.record_many(session, happened)


def _between(session: Session, key: ConversationKey, before: int, after: int) -> list[Message]:
    """The newest messages after the seq `before` up to the seq `after`, oldest first."""
    query = select(Message).filter_by(app_id=key.app_id, conversation_id=key.id)
    query = query.where(Message.seq > before, Message.seq <= after).order_by(Message.seq.desc()).limit(TOLD)
    return list(session.scalars(query))[::-1]


def _marks(session: Session, messages: Sequence[Message]) -> Sequence[tuple[str, str, str, int]]:
    first: dict[tuple[str, str], int] = {}
    for message in messages:
        conversation = (message.app_id, message.conversation_id)
        first[conversation] = min(message.seq, first.get(conversation, message.seq))
    rows = session.execute(
        text("""
        SELECT p.app_id, p.conversation_id, p.user_id, p.read_seq
        FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:firsts AS bigint[])) AS f (app_id, id, seq)
        JOIN participations p ON p.app_id = f.app_id AND p.conversation_id = f.id AND p.read_seq >= f.seq"""),
        {
            "apps": [app_id for app_id, _ in first],
            "ids": [conversation_id for _, conversation_id in first],
            "firsts": list(first.values()),
        },
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _readers(message: Message, marks: Sequence[tuple[str, int]]) -> list[str]:
    readers = {user_id for user_id, read_seq in marks if read_seq >= message.seq} | set(message.read_by)
    return sorted(readers - {message.sender_id})


def _why(session: Session, key: ParticipantKey) -> NotFound:
    users.get(session, key.app_id, key.user_id)
    conversations.get(session, key.conversation)
    return NotFound({"userId": [f"no participant {key.user_id!r}"]}, ErrorCode.PARTICIPANT_NOT_FOUND)
