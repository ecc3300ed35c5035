"""Notifications: a message opens its conversation's window; its close opens one for each whom the rule selects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, func, literal, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session

from mailtalk import conversations
from mailtalk.models import App, Conversation, Message
from mailtalk.notify import wants_mail
from mailtalk.settings import Settings

WINDOWS = 50  # closed in one transaction
MOMENT = TIMESTAMP(timezone=True)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long messages are gathered: until it was quiet for so long, but at most `cap` after the first.

    It is for the apps that have no pace of their own.
    """

    quiet: timedelta
    cap: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Pace":
        """The pace that the settings name."""
        return cls(timedelta(seconds=settings.quiet_seconds), timedelta(seconds=settings.cap_seconds))


def open_window(conversation: Conversation, now: datetime, pace: Pace, from_seq: int) -> None:
    """Open the locked conversation's window, or put its end off because it was not quiet."""
    if conversation.window_opened_at is None:
        conversation.window_opened_at = now
        conversation.window_from_seq = from_seq
    conversation.window_due_at = _due(conversation.app_id, conversation.window_opened_at, now, pace)


def close_windows(session: Session, now: datetime) -> int:
    """Close the windows that are due; gives how many; call again after the commit until it gives 0.

    Each participant whom the notify rule selects then has one open notification.
    """
    due = session.scalars(
        select(Conversation)
        .where(Conversation.window_due_at <= now)
        .order_by(Conversation.window_due_at)
        .limit(WINDOWS)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    for conversation in due:
        _close(session, conversation, now)
    return len(due)


def next_due(session: Session) -> datetime | None:
    """When the next window, notification or delivery is due; None when nothing waits."""
    due: datetime | None = session.scalar(
        text("""
        SELECT least(
            (SELECT min(window_due_at) FROM conversations WHERE window_due_at IS NOT NULL),
            (SELECT min(not_before) FROM notifications WHERE status = 'open'),
            (SELECT min(not_before) FROM deliveries WHERE stage IN ('queued', 'deferred', 'unknown')))""")
    )
    return due


def _due(app_id: str, opened: datetime, now: datetime, pace: Pace) -> ScalarSelect[datetime]:
    # The database computes it in the UPDATE that writes it: that the app's own values win costs no query.
    quiet = func.coalesce(App.quiet_seconds, pace.quiet.total_seconds()) * SECOND
    cap = func.coalesce(App.cap_seconds, pace.cap.total_seconds()) * SECOND
    due = func.least(literal(now, MOMENT) + quiet, literal(opened, MOMENT) + cap, type_=MOMENT)
    return select(due).where(App.id == app_id).scalar_subquery()


def _close(session: Session, conversation: Conversation, now: datetime) -> None:
    written = _written(session, conversation)
    selected = [
        row.user_id
        for row in conversations.participants(session, conversation.app_id, conversation.id)
        if any(wants_mail(row.user_id, conversations.state(row), message, now) for message in written)
    ]
    _open(session, conversation, selected, now)
    conversation.window_opened_at = conversation.window_due_at = conversation.window_from_seq = None


def _written(session: Session, conversation: Conversation) -> Sequence[Message]:
    query = select(Message).where(
        Message.app_id == conversation.app_id,
        Message.conversation_id == conversation.id,
        Message.seq >= conversation.window_from_seq,
    )
    return session.scalars(query.order_by(Message.seq)).all()


def _open(session: Session, conversation: Conversation, user_ids: Sequence[str], now: datetime) -> None:
    # Who has one open already is told of the new messages by that one: it takes all that are not yet mailed. The
    # update waits for who is making it into a mail just now, and may not have seen these messages: then it inserts.
    session.execute(
        text("""
        INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, created_at)
        SELECT :app, :conversation, user_id, :seq, :now, :now FROM unnest(CAST(:users AS text[])) AS who (user_id)
        ON CONFLICT (app_id, conversation_id, user_id) WHERE status = 'open'
            DO UPDATE SET from_seq = least(notifications.from_seq, excluded.from_seq)"""),
        {
            "app": conversation.app_id,
            "conversation": conversation.id,
            "users": list(user_ids),
            "seq": conversation.window_from_seq,
            "now": now,
        },
    )
