"""Recipients: the participants to whom a window's messages are mailed, and the reasons for others, set-based."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.arrays import of_conversations, of_participants
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.notifications import frequency
from mailtalk.participation import notify

MENTION = timedelta(seconds=5)  # delay for a mentioned participant, if the window's is longer

_SETTLE = sql.load(
    __file__,
    "settle_windows",
    takes_part=notify.TAKES_PART,
    notifies=notify.NOTIFIES,
    why_not=notify.WHY_NOT,
    barred_unless_mentioned=notify.BARRED_UNLESS_MENTIONED,
    not_before=frequency.NOT_BEFORE,
    is_digest=frequency.IS_DIGEST,
)
_HASTEN = sql.load(
    __file__,
    "hasten",
    barred=notify.BARRED,
    barred_unless_mentioned=notify.BARRED_UNLESS_MENTIONED,
    frequency=frequency.FREQUENCY,
)
# Wait for mails that are being built: the messages that they settle must not be settled here too. New notifications
# are opened only under the conversation's lock, which we hold.
_AWAIT = sql.statement("""
    SELECT 1 FROM notifications n JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, id)
        ON n.app_id = key.app_id AND n.conversation_id = key.id
    WHERE n.status = $NotificationStatus.OPEN ORDER BY n.app_id, n.id FOR UPDATE OF n""")
_DAILY = sql.fragment("$frequency = $Frequency.DAILY AND u.time_zone IS NOT NULL", frequency=frequency.FREQUENCY)
_ZONES = sql.statement(
    """
    -- time zones of those who are mailed daily; LATERAL: never all participations of an app
    SELECT DISTINCT u.time_zone
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS key (app_id, conversation_id) CROSS JOIN LATERAL (
        SELECT * FROM participations WHERE app_id = key.app_id AND conversation_id = key.conversation_id OFFSET 0) AS p
    JOIN apps a ON a.id = p.app_id JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id WHERE $daily""",
    daily=_DAILY,
)
_REPACED = """FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]))
        AS key (app_id, conversation_id, user_id)
    JOIN participations p USING (app_id, conversation_id, user_id) JOIN apps a ON a.id = p.app_id"""
_REPACED_ZONES = sql.statement(
    """SELECT DISTINCT u.time_zone $repaced
    JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id WHERE $daily""",
    repaced=_REPACED,
    daily=_DAILY,
)
_REPACE = sql.statement(
    """UPDATE notifications n SET not_before = $not_before, digest = $is_digest $repaced
    WHERE n.app_id = p.app_id AND n.conversation_id = p.conversation_id AND n.user_id = p.user_id
        AND n.status = $NotificationStatus.OPEN""",
    repaced=_REPACED,
    not_before=frequency.NOT_BEFORE,
    is_digest=frequency.IS_DIGEST,
)


class Announced(NamedTuple):
    """New messages of a conversation: mentioned users, and the author if all messages have the same one."""

    conversation: ConversationKey
    mentioned: Sequence[str]
    author: str | None


def settle(session: Session, windows: Mapping[ConversationKey, int], now: datetime) -> None:
    """Settle the messages of locked conversations' windows, each given by its first message, for all participants.

    A participant with a message to be mailed then has one open notification about all of them; the others have an
    ended one for each reason, with its messages.
    """
    values = of_conversations(windows)
    session.execute(_AWAIT, values)
    moments = frequency.moments(now, session.scalars(_ZONES, values))
    session.execute(_SETTLE, values | moments | {"seqs": list(windows.values())})


def hasten(session: Session, now: datetime, announced: Sequence[Announced]) -> None:
    """Open notifications before the windows close, for mentioned participants and those mailed immediately."""
    mentions = [ParticipantKey(each.conversation, user_id) for each in announced for user_id in each.mentioned]
    mentioned = {f"mention_{name}": column for name, column in of_participants(mentions).items()}
    written = of_conversations(each.conversation for each in announced)
    values = {"now": now, "soon": now + MENTION, "authors": [each.author for each in announced]}
    session.execute(_HASTEN, written | mentioned | values)


def repace(session: Session, now: datetime, participants: Sequence[ParticipantKey]) -> None:
    """Reschedule the open notifications of participants whose frequency changed."""
    if participants:
        values = of_participants(participants)
        moments = frequency.moments(now, session.scalars(_REPACED_ZONES, values))
        session.execute(_REPACE, values | moments)
