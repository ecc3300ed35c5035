"""What is due: the notifications whose time has come, and what the letters of one batch share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, cast, func, select, text
from sqlalchemy.orm import Session

from mailtalk.events import serializers
from mailtalk.models import App, Conversation, Message, Notification, Participation, User
from mailtalk.outbound import suppressions
from mailtalk.vocabulary import NotificationStatus, Origin

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


class Shared:
    """What the letters of a batch share, read once: the messages, who wrote them, and the mails they go on from."""

    def __init__(self, session: Session, batch: Sequence[Due], now: datetime) -> None:
        self._session = session
        first: dict[tuple[str, str], int] = {}
        for due in batch:
            first[due.place] = min(due.first, first.get(due.place, due.first))
        self._messages = {place: self._since(*place, seq) for place, seq in first.items()}
        self._people = self._read_people()
        self._last = self._last_mails(batch)
        self._answers = self._last_answers(batch)
        self._suppressed = self._unreachable(batch, now)

    def fresh(self, due: Due) -> list[Message]:
        """The messages that are not settled yet for the reader, in order."""
        return [message for message in self._messages[due.place] if message.seq >= due.first]

    def sender_name(self, message: Message) -> str:
        """The name of who wrote it."""
        return self.name(message.app_id, message.sender_id or "")

    def sender_names(self, messages: Sequence[Message]) -> tuple[str, ...]:
        """The names of those who wrote them, each once."""
        return tuple(dict.fromkeys(self.sender_name(message) for message in messages))

    def name(self, app_id: str, user_id: str) -> str:
        """The name of a user who wrote a message, or whom a mail mentions."""
        found = self._people.get((app_id, user_id))
        return found.name if found else ""

    def sender(self, message: Message) -> dict[str, Any] | None:
        """Who wrote it, as the wire has it."""
        found = self._people.get((message.app_id, message.sender_id or ""))
        return serializers.user(found) if found else None

    def addresses(self, due: Due) -> list[str]:
        """Where the reader is mailed: each address once, without those that are suppressed."""
        suppressed = self._suppressed[due.app.id]
        return [each for each in dict.fromkeys(due.user.emails or ()) if each not in suppressed]

    def last_mail(self, due: Due, address: str) -> str | None:
        """The Message-ID of the last mail to this address in this conversation."""
        return self._last.get((*due.place, due.user.id, address))

    def last_answer(self, due: Due) -> str | None:
        """The Message-ID of the reader's own newest mail since our last one; it stands in their outbox."""
        return self._answers.get((*due.place, due.user.id))

    def _since(self, app_id: str, conversation_id: str, seq: int) -> list[Message]:
        query = select(Message).where(Message.app_id == app_id, Message.conversation_id == conversation_id)
        return list(self._session.scalars(query.where(Message.seq >= seq).order_by(Message.seq)))

    def _read_people(self) -> dict[tuple[str, str], User]:
        found = [message for messages in self._messages.values() for message in messages]
        ids = {(message.app_id, message.sender_id) for message in found if message.sender_id}
        ids |= {(m.app_id, user_id) for m in found if m.origin == Origin.EMAIL for user_id in m.mentions}
        given = (
            func.unnest(
                cast([app_id for app_id, _ in ids], ARRAY(Text)), cast([user_id for _, user_id in ids], ARRAY(Text))
            )
            .table_valued("app_id", "id")
            .render_derived("given")
        )
        query = select(User).join(given, (User.app_id == given.c.app_id) & (User.id == given.c.id))
        return {(user.app_id, user.id): user for user in self._session.scalars(query)}

    def _last_answers(self, batch: Sequence[Due]) -> dict[tuple[str, str, str], str]:
        rows = self._session.execute(
            text("""
            SELECT p.app_id, p.conversation_id, p.user_id, m.mail_id
            FROM unnest(CAST(:apps AS text[]), CAST(:conversations AS text[]), CAST(:users AS text[]),
                CAST(:seen AS bigint[])) AS p (app_id, conversation_id, user_id, seq)
            JOIN LATERAL (
                SELECT mail_id FROM messages WHERE app_id = p.app_id AND conversation_id = p.conversation_id
                    AND seq > p.seq AND sender_id = p.user_id AND mail_id IS NOT NULL
                ORDER BY seq DESC LIMIT 1) AS m ON true"""),
            _columns(batch) | {"seen": [due.participation.mailed_seq for due in batch]},
        )
        return {(row[0], row[1], row[2]): row[3] for row in rows}

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
            WHERE d.kind = 'notification'
            ORDER BY d.app_id, d.conversation_id, d.user_id, d.address, d.created_at DESC"""),
            _columns(batch),
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


def _columns(batch: Sequence[Due]) -> dict[str, list[Any]]:
    return {
        "apps": [due.app.id for due in batch],
        "conversations": [due.conversation.id for due in batch],
        "users": [due.user.id for due in batch],
    }


def _same(left: type[Notification], right: type[Participation]) -> ColumnElement[bool]:
    return (
        (left.app_id == right.app_id)
        & (left.conversation_id == right.conversation_id)
        & (left.user_id == right.user_id)
    )
