"""Windows: messages of a conversation are gathered until it is quiet; the close settles who is mailed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, groupby

from sqlalchemy import ScalarSelect, func, literal, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session

from mailtalk.db import sql, step_times, turns
from mailtalk.db.arrays import of_conversations
from mailtalk.ids import ConversationKey
from mailtalk.models import App, Conversation, Message
from mailtalk.notifications import scheduling
from mailtalk.notifications.scheduling import Announced
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import QueueName

WINDOWS = 200  # closed in one transaction
PARTICIPANTS = 20_000  # settled in one statement, unless one conversation has more
KEPT = timedelta(days=30)  # after a notification ended
PURGED = 10_000  # in one transaction
MOMENT = TIMESTAMP(timezone=True)
SECOND = timedelta(seconds=1)

_OPEN = "window_due_at IS NOT NULL"
_ANNOUNCE = sql.statement("""
    UPDATE conversations c SET last_seq = w.last, last_message_at = greatest(c.last_message_at, w.moment),
        window_opened_at = coalesce(c.window_opened_at, :now),
        window_from_seq = CASE WHEN c.window_opened_at IS NULL THEN w.first ELSE c.window_from_seq END,
        window_due_at = least(
            :now + coalesce(a.quiet_seconds * interval '1 second', :quiet),
            coalesce(c.window_opened_at, :now) + coalesce(a.cap_seconds * interval '1 second', :cap))
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:first AS bigint[]), CAST(:last AS bigint[]),
        CAST(:moments AS timestamptz[])) AS w (app_id, id, first, last, moment)
    JOIN apps a ON a.id = w.app_id
    WHERE c.app_id = w.app_id AND c.id = w.id""")
_DUE = sql.statement(f"""
    WITH turn AS MATERIALIZED ({turns.turn("conversations", _OPEN, "window_due_at")})
    SELECT own.* FROM turn CROSS JOIN LATERAL (
        SELECT app_id, id, window_from_seq, window_opened_at FROM conversations
        WHERE app_id = turn.app_id AND window_due_at <= :now
        ORDER BY window_due_at LIMIT {turns.SHARE} FOR NO KEY UPDATE SKIP LOCKED) AS own""")  # noqa: S608  ours
_SIZES = sql.statement("""
    SELECT p.app_id, p.conversation_id, count(*) FROM participations p
    JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id)
        ON p.app_id = key.app_id AND p.conversation_id = key.id
    GROUP BY p.app_id, p.conversation_id""")
_CLOSE = sql.statement("""
    UPDATE conversations c SET window_opened_at = NULL, window_due_at = NULL, window_from_seq = NULL
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id)
    WHERE c.app_id = key.app_id AND c.id = key.id""")
_PURGE = sql.statement("""
    DELETE FROM notifications WHERE (app_id, id) IN (
        SELECT app_id, id FROM notifications
        WHERE status <> $NotificationStatus.OPEN AND ended_at < :before LIMIT :most)
    RETURNING 1""")
_NEXT_DUE = sql.statement("""
    SELECT least(
        (SELECT min(window_due_at) FROM conversations WHERE window_due_at IS NOT NULL),
        (SELECT min(not_before) FROM notifications WHERE status = $NotificationStatus.OPEN AND NOT digest),
        (SELECT min(not_before) FROM notifications WHERE status = $NotificationStatus.OPEN AND digest),
        (SELECT min(not_before) FROM deliveries
            WHERE stage IN ($Stage.QUEUED, $Stage.DEFERRED, $Stage.UNKNOWN) AND :deliveries),
        (SELECT min(not_before) FROM deliveries WHERE stage = $Stage.OUTDATED))""")


@dataclass(frozen=True, slots=True)
class Pace:
    """Window length: until the conversation was quiet for `quiet`, at most `cap` after the first message.

    Apps may have a pace of their own.
    """

    quiet: timedelta
    cap: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Pace":
        """Pace from the settings."""
        return cls(timedelta(seconds=settings.quiet_seconds), timedelta(seconds=settings.cap_seconds))


def announce(
    session: Session, conversation: Conversation, now: datetime, pace: Pace, written: Sequence[Message]
) -> None:
    """Open the locked conversation's window for new messages of users, or extend it.

    Mentioned participants and those mailed immediately do not wait for its close.
    """
    if conversation.window_opened_at is None:
        conversation.window_opened_at = now
        conversation.window_from_seq = written[0].seq
    conversation.window_due_at = _due(conversation.app_id, conversation.window_opened_at, now, pace)
    session.flush()
    scheduling.hasten(session, now, [_announced(conversation, written)])


def announce_many(
    session: Session, now: datetime, pace: Pace, written: Sequence[tuple[Conversation, Sequence[Message]]]
) -> None:
    """Announce users' new messages in many locked conversations, and write these conversations' last messages."""
    ends = {
        "first": [messages[0].seq for _, messages in written],
        "last": [messages[-1].seq for _, messages in written],
        "moments": [messages[-1].created_at for _, messages in written],
    }
    keys = of_conversations(conversation.key for conversation, _ in written)
    session.execute(_ANNOUNCE, keys | ends | {"now": now, "quiet": pace.quiet, "cap": pace.cap})
    scheduling.hasten(session, now, [_announced(conversation, messages) for conversation, messages in written])


def close_windows(session: Session, now: datetime) -> int:
    """Close due windows; returns the number, 0 if none is left: call again after the commit until then.

    Each participant with a message to be mailed then has one open notification; the others have ended ones.
    """
    rows = session.execute(_DUE, {"now": now, "limit": WINDOWS}).all()
    step_times.note(session, QueueName.WINDOWS, (row.window_opened_at for row in rows))
    due = {ConversationKey(row.app_id, row.id): row.window_from_seq for row in rows}
    if due:
        for group in _groups(session, list(due)):
            scheduling.settle(session, {key: due[key] for key in group}, now)
        session.execute(_CLOSE, of_conversations(due))
    return len(due)


def purge(session: Session, now: datetime, days: float = KEPT.days) -> int:
    """Delete a batch of notifications that ended this many days ago; returns the number, 0 if none is left."""
    return len(session.execute(_PURGE, {"before": now - timedelta(days=days), "most": PURGED}).all())


def next_due(session: Session, *, deliveries: bool = True) -> datetime | None:
    """Time of the next window, notification or, with `deliveries`, delivery; None if nothing is queued."""
    due: datetime | None = session.scalar(_NEXT_DUE, {"deliveries": deliveries})
    return due


def _announced(conversation: Conversation, written: Sequence[Message]) -> Announced:
    mentioned = {user_id for message in written for user_id in message.mentions if user_id != message.sender_id}
    authors = {message.sender_id for message in written}
    author = next(iter(authors)) if len(authors) == 1 else None
    return Announced(conversation.key, sorted(mentioned), author)


def _groups(session: Session, keys: Sequence[ConversationKey]) -> Iterator[list[ConversationKey]]:
    """Conversations grouped for settling: a statement's work grows with their participants."""
    sizes = {ConversationKey(*row[:2]): row[2] for row in session.execute(_SIZES, of_conversations(keys))}
    before = accumulate(sizes.get(key, 0) for key in keys)
    for _, group in groupby(zip(before, keys, strict=True), lambda pair: pair[0] // PARTICIPANTS):
        yield [key for _, key in group]


def _due(app_id: str, opened: datetime, now: datetime, pace: Pace) -> ScalarSelect[datetime]:
    # Computed by the UPDATE that writes it, so that an app's own values cost no query.
    quiet = func.coalesce(App.quiet_seconds, pace.quiet.total_seconds()) * SECOND
    cap = func.coalesce(App.cap_seconds, pace.cap.total_seconds()) * SECOND
    due = func.least(literal(now, MOMENT) + quiet, literal(opened, MOMENT) + cap, type_=MOMENT)
    return select(due).where(App.id == app_id).scalar_subquery()
