"""What is due: the notifications whose time has come, and what the letters of one batch share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from mailtalk import suppressions
from mailtalk.models import App, Conversation, Message, Notification, Participation, User
from mailtalk.vocabulary import Access, NotificationStatus, Notify

BATCH = 200  # notifications in one transaction


@dataclass(frozen=True, slots=True)
class Due:
    """A notification in hand, and all that its letters are about."""

    notification: Notification
    participation: Participation
    user: User
    conversation: Conversation
    app: App

    @property
    def place(self) -> tuple[str, str]:
        """The app and the conversation."""
        return self.conversation.app_id, self.conversation.id

    @property
    def first(self) -> int:
        """The first message the reader has not read, was not mailed, and the notification is about."""
        seen = max(self.participation.mailed_seq, self.participation.read_seq)
        return max(seen + 1, self.notification.from_seq)

    def why_not(self, now: datetime, *, wanted: bool, reachable: bool) -> str | None:
        """The first reason that keeps the reader from being mailed; None when nothing does."""
        muted = self.participation.mute_until is not None and now < self.participation.mute_until
        reasons = (
            ("left", not self.participation.present),
            ("access-none", self.participation.access == Access.NONE),
            ("muted", muted),
            ("notify-off", self.participation.notify == Notify.OFF),
            ("nothing-new", not wanted),
            ("no-address", not self.user.emails),
            ("suppressed", not reachable),
        )
        return next((reason for reason, holds in reasons if holds), None)


class Shared:
    """What the letters of a batch share, read once: the messages, who wrote them, and the mails they go on from."""

    def __init__(self, session: Session, batch: Sequence[Due], now: datetime) -> None:
        self._session = session
        first: dict[tuple[str, str], int] = {}
        for due in batch:
            first[due.place] = min(due.first, first.get(due.place, due.first))
        self._messages = {place: self._since(*place, seq) for place, seq in first.items()}
        self._names = self._sender_names()
        self._last = self._last_mails(batch)
        self._suppressed = self._unreachable(batch, now)

    def fresh(self, due: Due) -> list[Message]:
        """The messages the reader may not know yet, in order."""
        return [message for message in self._messages[due.place] if message.seq >= due.first]

    def sender_name(self, message: Message) -> str:
        """The name of who wrote it."""
        return self._names.get((message.app_id, message.sender_id or ""), "")

    def addresses(self, due: Due) -> list[str]:
        """Where the reader is mailed: each address once, without those that are suppressed."""
        suppressed = self._suppressed[due.app.id]
        return [each for each in dict.fromkeys(due.user.emails or ()) if each not in suppressed]

    def last_mail(self, due: Due, address: str) -> str | None:
        """The Message-ID of the last mail to this address in this conversation."""
        return self._last.get((*due.place, due.user.id, address))

    def _since(self, app_id: str, conversation_id: str, seq: int) -> list[Message]:
        query = select(Message).where(Message.app_id == app_id, Message.conversation_id == conversation_id)
        return list(self._session.scalars(query.where(Message.seq >= seq).order_by(Message.seq)))

    def _sender_names(self) -> dict[tuple[str, str], str]:
        senders = {(m.app_id, m.sender_id) for found in self._messages.values() for m in found if m.sender_id}
        rows = self._session.execute(
            text("""
            SELECT u.app_id, u.id, u.name FROM users u
            JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS s (app_id, id)
                ON u.app_id = s.app_id AND u.id = s.id"""),
            {"apps": [app_id for app_id, _ in senders], "ids": [user_id for _, user_id in senders]},
        )
        return {(row.app_id, row.id): row.name for row in rows}

    def _unreachable(self, batch: Sequence[Due], now: datetime) -> dict[str, dict[str, str]]:
        emails: dict[str, set[str]] = {}
        for due in batch:
            emails.setdefault(due.app.id, set()).update(due.user.emails or ())
        return {app: suppressions.active(self._session, now, app, found) for app, found in emails.items()}

    def _last_mails(self, batch: Sequence[Due]) -> dict[tuple[str, str, str, str], str]:
        rows = self._session.execute(
            text("""
            SELECT DISTINCT ON (d.app_id, d.conversation_id, d.user_id, d.address)
                d.app_id, d.conversation_id, d.user_id, d.address, d.message_id
            FROM deliveries d
            JOIN unnest(CAST(:apps AS text[]), CAST(:conversations AS text[]), CAST(:users AS text[]))
                AS p (app_id, conversation_id, user_id) USING (app_id, conversation_id, user_id)
            ORDER BY d.app_id, d.conversation_id, d.user_id, d.address, d.created_at DESC"""),
            {
                "apps": [due.app.id for due in batch],
                "conversations": [due.conversation.id for due in batch],
                "users": [due.user.id for due in batch],
            },
        )
        return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}


def take(session: Session, now: datetime) -> list[Due]:
    """Take the notifications that are due, and lock them until the transaction ends."""
    # SKIP LOCKED on the participation too: a change that is being applied is waited for by coming back.
    rows = session.execute(
        select(Notification, Participation, User, Conversation, App)
        .join(Participation, _same(Notification, Participation))
        .join(User, (User.app_id == Notification.app_id) & (User.id == Notification.user_id))
        .join(
            Conversation,
            (Conversation.app_id == Notification.app_id) & (Conversation.id == Notification.conversation_id),
        )
        .join(App, App.id == Notification.app_id)
        .where(Notification.status == NotificationStatus.OPEN, Notification.not_before <= now)
        .order_by(Notification.not_before, Notification.id)
        .limit(BATCH)
        .with_for_update(of=[Notification, Participation], key_share=True, skip_locked=True)
    )
    return [Due(*row) for row in rows]


def _same(left: type[Notification], right: type[Participation]) -> ColumnElement[bool]:
    return (
        (left.app_id == right.app_id)
        & (left.conversation_id == right.conversation_id)
        & (left.user_id == right.user_id)
    )
