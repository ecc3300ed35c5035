"""Read state: the last message that each participant has read; the sender never counts as a reader."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.conversations import conversations, users
from mailtalk.db.arrays import of_participant
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.events import payloads
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.ids import ParticipantKey
from mailtalk.models import Message
from mailtalk.vocabulary import EventType

TOLD = 100  # newest messages of one request, for which events are recorded
ROUNDING = timedelta(microseconds=500)  # the wire rounds to whole milliseconds


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
    _tell(session, key, *done)


def read_until(session: Session, key: ParticipantKey, moment: datetime) -> None:
    """Mark messages created up to this moment as read, and later ones as unread.

    An old message that was imported after a newer one stays unread, as do all that follow it.
    """
    done = session.execute(
        text("""
        UPDATE participations p SET read_seq = least(coalesce(p.view_seq, c.last_seq), coalesce((
            SELECT min(m.seq) - 1 FROM messages m WHERE m.app_id = c.app_id AND m.conversation_id = c.id
                AND m.created_at > :until), c.last_seq))
        FROM conversations c, participations before WHERE c.app_id = p.app_id AND c.id = p.conversation_id
            AND p.app_id = :app AND p.conversation_id = :conversation AND p.user_id = :user AND p.present
            AND before.id = p.id
        RETURNING before.read_seq, p.read_seq"""),
        of_participant(key) | {"until": moment + ROUNDING},
    ).one_or_none()
    if done is None:
        raise _why(session, key)
    _tell(session, key, *done)


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


def _tell(session: Session, key: ParticipantKey, before: int, after: int) -> None:
    """Record an event for each message that was just read, except the user's own."""
    (app_id, conversation_id), user_id = key
    kind = EventType.MESSAGE_READ
    if after <= before or not events.wanted(session, app_id, kind):
        return
    query = select(Message).filter_by(app_id=app_id, conversation_id=conversation_id)
    query = query.where(Message.seq > before, Message.seq <= after, Message.sender_id.is_distinct_from(user_id))
    read = list(session.scalars(query.order_by(Message.seq.desc()).limit(TOLD)))[::-1]
    row = conversations.get(session, key.conversation)
    told = payloads.messages(session, row, read, of(session, read))
    recipient = payloads.users(session, [(app_id, user_id)]).get((app_id, user_id))
    happened = [Happened(app_id, kind, data | {"recipient": recipient}, conversation_id) for data in told]
    events.record_many(session, happened)


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
