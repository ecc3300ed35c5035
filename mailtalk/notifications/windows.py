"""Notifications: a message opens its conversation's window; its close settles who is mailed what, and why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, func, literal, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session

from mailtalk.models import App, Conversation, Message
from mailtalk.notifications import recipients
from mailtalk.settings.load import Settings

WINDOWS = 50  # closed in one transaction
KEPT = timedelta(days=30)  # after a notification ended
PURGED = 10_000  # in one transaction
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


def announce(
    session: Session, conversation: Conversation, now: datetime, pace: Pace, written: Sequence[Message]
) -> None:
    """Open the locked conversation's window for new messages of users, or put its end off because it was not quiet.

    Those whom they mention, and those who are mailed immediately, do not wait for its close.
    """
    if conversation.window_opened_at is None:
        conversation.window_opened_at = now
        conversation.window_from_seq = written[0].seq
    conversation.window_due_at = _due(conversation.app_id, conversation.window_opened_at, now, pace)
    session.flush()
    mentioned = {user_id for message in written for user_id in message.mentions if user_id != message.sender_id}
    authors = {message.sender_id for message in written}
    author = next(iter(authors)) if len(authors) == 1 else None
    recipients.hasten(session, conversation, now, mentioned=sorted(mentioned), author=author)


def close_windows(session: Session, now: datetime) -> int:
    """Close the windows that are due; gives how many; call again after the commit until it gives 0.

    Each participant whom the notify rule selects then has one open notification, the others have their reasons.
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


def purge(session: Session, now: datetime) -> int:
    """Forget some notifications that ended long ago; gives how many, 0 when none is left."""
    gone = session.execute(
        text("""
        DELETE FROM notifications WHERE (app_id, id) IN (
            SELECT app_id, id FROM notifications WHERE status <> 'open' AND ended_at < :before LIMIT :most)
        RETURNING 1"""),
        {"before": now - KEPT, "most": PURGED},
    )
    return len(gone.all())


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
    recipients.settle(session, conversation, now)
    conversation.window_opened_at = conversation.window_due_at = conversation.window_from_seq = None
