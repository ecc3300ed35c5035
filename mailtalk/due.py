"""What is due: the notifications whose time has come, and what the letters of one batch share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from mailtalk import conversations
from mailtalk.models import App, Conversation, Message, Notification, Participation, User
from mailtalk.notify import why_not
from mailtalk.vocabulary import NotificationStatus, Reason

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
        """The first message that the notification is about and that is not settled yet."""
        return max(self.participation.mailed_seq + 1, self.notification.from_seq)

    def decide(self, session: Session, fresh: Sequence[Message], now: datetime) -> tuple[list[Message], Reason | None]:
        """Settle these messages, all that are new to the reader: those to be mailed, or the reason why none is.

        Those for which another reason holds than the notification ends with have rows of their own.
        """
        sorted_out = self._sorted_out(fresh, now)
        wanted = sorted_out.pop(None, [])
        reason = (
            (None if self.user.emails else Reason.NO_ADDRESS) if wanted else next(iter(sorted_out), Reason.NOTHING_LEFT)
        )
        told = wanted or sorted_out.pop(reason, [])
        self.notification.seqs = [message.seq for message in told]
        session.add_all(self._for_another(each, found, now) for each, found in sorted_out.items())
        self.participation.mailed_seq = max([self.participation.mailed_seq, *(message.seq for message in fresh)])
        return wanted, reason

    def _sorted_out(self, fresh: Sequence[Message], now: datetime) -> dict[Reason | None, list[Message]]:
        state = conversations.state(self.participation)
        found: dict[Reason | None, list[Message]] = {}
        for message in fresh:
            reason = why_not(self.user.id, state, self.participation.read_seq, message, now)
            found.setdefault(reason, []).append(message)
        found.pop(Reason.NEVER_NOTIFIES, None)
        return found

    def _for_another(self, reason: Reason | None, found: Sequence[Message], now: datetime) -> Notification:
        return Notification(
            app_id=self.app.id,
            conversation_id=self.conversation.id,
            user_id=self.user.id,
            status=NotificationStatus.CANCELLED,
            reason=reason,
            seqs=[message.seq for message in found],
            from_seq=found[0].seq,
            not_before=now,
            created_at=now,
            ended_at=now,
        )


class Shared:
    """What the letters of a batch share, read once: the messages, who wrote them, and the mails they go on from."""

    def __init__(self, session: Session, batch: Sequence[Due]) -> None:
        self._session = session
        first: dict[tuple[str, str], int] = {}
        for due in batch:
            first[due.place] = min(due.first, first.get(due.place, due.first))
        self._messages = {place: self._since(*place, seq) for place, seq in first.items()}
        self._names = self._sender_names()
        self._last = self._last_mails(batch)

    def fresh(self, due: Due) -> list[Message]:
        """The messages that are not settled yet for the reader, in order."""
        return [message for message in self._messages[due.place] if message.seq >= due.first]

    def sender_name(self, message: Message) -> str:
        """The name of who wrote it."""
        return self._names.get((message.app_id, message.sender_id or ""), "")

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
