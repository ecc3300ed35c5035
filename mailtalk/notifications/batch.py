"""One batch of due notifications: claimed, with all the data their mails need, in a constant number of statements."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FromClause, Text, and_, cast, column, func, select, text
from sqlalchemy.orm import Session

from mailtalk.db import arrays
from mailtalk.events import schemas, serializers
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.mail import address as mail_address
from mailtalk.models import App, Conversation, Message, Participation, User
from mailtalk.outbound import suppressions
from mailtalk.vocabulary import Access, Origin

BATCH = 300  # notifications in one transaction
Row = TypeVar("Row", App, Conversation)

# SKIP LOCKED for the participation too: one whose change is being applied is retried later, not waited for.
_CLAIM = text("""
    SELECT n.id, n.from_seq, p.app_id, p.conversation_id, p.user_id, p.id AS participation_id, p.present, p.access,
        p.notify, p.generation, p.mute_until, p.sees, p.frequency, p.chosen, p.read_seq, p.mailed_seq,
        u.name, u.emails, coalesce(u.locale, a.default_locale) AS locale, u.time_zone
    FROM notifications n JOIN participations p USING (app_id, conversation_id, user_id)
    JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
    JOIN apps a ON a.id = p.app_id
    WHERE n.status = 'open' AND n.not_before <= :now
    ORDER BY n.not_before, n.id LIMIT :limit
    FOR NO KEY UPDATE OF n, p SKIP LOCKED""")

_LAST_MAILS = text("""
    SELECT k.app_id, k.conversation_id, k.user_id, k.address, d.message_id
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:addresses AS text[]))
        AS k (app_id, conversation_id, user_id, address)
    JOIN LATERAL (
        SELECT message_id FROM deliveries d
        WHERE (d.app_id, d.conversation_id, d.user_id) = (k.app_id, k.conversation_id, k.user_id)
            AND d.address = k.address AND d.kind = 'notification'
        ORDER BY d.created_at DESC LIMIT 1) AS d ON true""")

_LAST_ANSWERS = text("""
    SELECT k.app_id, k.conversation_id, k.user_id, m.mail_id
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:seen AS bigint[]))
        AS k (app_id, conversation_id, user_id, seq)
    JOIN LATERAL (
        SELECT mail_id FROM messages m
        WHERE (m.app_id, m.conversation_id) = (k.app_id, k.conversation_id) AND m.seq > k.seq
            AND m.sender_id = k.user_id AND m.mail_id IS NOT NULL
        ORDER BY m.seq DESC LIMIT 1) AS m ON true""")


@dataclass(frozen=True)
class Recipient:
    """Columns of a participation, under their names, and of its user."""

    app_id: str
    conversation_id: str
    user_id: str
    id: UUID
    present: bool
    access: str
    notify: str
    generation: int
    mute_until: datetime | None
    sees: str
    frequency: str
    chosen: Sequence[str]
    read_seq: int
    mailed_seq: int
    name: str
    emails: Sequence[str] | None
    locale: str | None
    time_zone: str | None

    @classmethod
    def of(cls, row: Participation, user: User) -> "Recipient":
        """Values of these rows."""
        own = {field.name: getattr(row, field.name) for field in fields(cls) if hasattr(row, field.name)}
        return cls(**own, name=user.name, emails=user.emails, locale=user.locale, time_zone=user.time_zone)

    @cached_property
    def conversation(self) -> ConversationKey:
        """The conversation's key."""
        return ConversationKey(self.app_id, self.conversation_id)

    @cached_property
    def key(self) -> ParticipantKey:
        """The participant's key."""
        return ParticipantKey(self.conversation, self.user_id)

    @property
    def takes_part(self) -> bool:
        """True for participants; False after leaving and with access None."""
        return self.present and self.access != Access.NONE


class DueNotification(NamedTuple):
    """Open notification whose time has come."""

    id: int
    from_seq: int
    recipient: Recipient

    @property
    def first_seq(self) -> int:
        """First message of the notification that is not settled yet."""
        return max(self.recipient.mailed_seq + 1, self.from_seq)


class Batch:
    """Shared data of the mails of a batch: conversations, messages, authors, and each reader's earlier mails."""

    def __init__(self, session: Session, due: Sequence[DueNotification], now: datetime) -> None:
        self._session = session
        recipients = [notification.recipient for notification in due]
        self.conversations = {row.key: row for row in self._read_conversations(recipients)}
        self.apps = {row.id: row for row in self._read_apps(recipients)}
        self._messages = self._read_messages(due)
        self._authors = self._read_users(_authors(self._messages.values()))
        self._suppressed = suppressions.active(session, now, _addresses(recipients))
        self._last_mails = self._read_last_mails(recipients)
        self._last_answers = self._read_last_answers(recipients)

    def fresh(self, notification: DueNotification) -> list[Message]:
        """Messages that are not settled yet for the reader, in order."""
        messages, first = self._messages.get(notification.recipient.conversation, []), notification.first_seq
        return [message for message in messages if message.seq >= first]

    def sender_name(self, message: Message) -> str:
        """The author's name."""
        return self.name(message.app_id, message.sender_id or "")

    def sender_names(self, messages: Sequence[Message]) -> tuple[str, ...]:
        """The authors' names, without repetitions."""
        return tuple(dict.fromkeys(self.sender_name(message) for message in messages))

    def name(self, app_id: str, user_id: str) -> str:
        """Name of an author, or of a user mentioned in a mail."""
        user = self._authors.get((app_id, user_id))
        return user.name if user else ""

    def sender(self, message: Message) -> schemas.User | None:
        """Author in wire form."""
        user = self._authors.get((message.app_id, message.sender_id or ""))
        return serializers.user(user) if user else None

    def addresses(self, recipient: Recipient) -> list[str]:
        """The reader's distinct addresses, without suppressed ones."""
        mailboxes = mail_address.distinct(recipient.emails or ())
        return [address for address in mailboxes if (recipient.app_id, address) not in self._suppressed]

    def last_mail(self, recipient: Recipient, address: str) -> str | None:
        """Message-ID of the last mail to this address in this conversation."""
        return self._last_mails.get((*recipient.key, address))

    def last_answer(self, recipient: Recipient) -> str | None:
        """Message-ID of the reader's own newest mail since our last one; it is in their mail client's sent mail."""
        return self._last_answers.get(recipient.key)

    def users(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], User]:
        """Users by app and id."""
        return self._read_users(set(keys))

    def _read_conversations(self, recipients: Iterable[Recipient]) -> Iterator[Conversation]:
        keys = arrays.of_conversations({recipient.conversation for recipient in recipients})
        given = _given(app_id=keys["apps"], id=keys["ids"])
        same = and_(Conversation.app_id == given.c.app_id, Conversation.id == given.c.id)
        yield from self._session.scalars(select(Conversation).join(given, same))

    def _read_apps(self, recipients: Iterable[Recipient]) -> Iterator[App]:
        ids = {recipient.app_id for recipient in recipients}
        yield from self._session.scalars(select(App).where(App.id == func.any(cast(list(ids), ARRAY(Text)))))

    def _read_messages(self, due: Iterable[DueNotification]) -> dict[ConversationKey, list[Message]]:
        first: dict[ConversationKey, int] = {}
        for notification in due:
            key = notification.recipient.conversation
            first[key] = min(notification.first_seq, first.get(key, notification.first_seq))
        keys = arrays.of_conversations(first)
        given = _given(app_id=keys["apps"], id=keys["ids"], seq=list(first.values()))
        same = and_(Message.app_id == given.c.app_id, Message.conversation_id == given.c.id, Message.seq >= given.c.seq)
        query = select(Message).join(given, same).order_by(Message.app_id, Message.conversation_id, Message.seq)
        return {key: list(rows) for key, rows in groupby(self._session.scalars(query), _conversation_of)}

    def _read_users(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], User]:
        rows = list(keys)
        given = _given(app_id=[app_id for app_id, _ in rows], id=[user_id for _, user_id in rows])
        same = and_(User.app_id == given.c.app_id, User.id == given.c.id)
        return {(user.app_id, user.id): user for user in self._session.scalars(select(User).join(given, same))}

    def _read_last_mails(self, recipients: Sequence[Recipient]) -> dict[tuple[ConversationKey, str, str], str]:
        pairs = [(recipient.key, address) for recipient in recipients for address in self.addresses(recipient)]
        values = arrays.of_participants(key for key, _ in pairs) | {"addresses": [address for _, address in pairs]}
        rows = self._session.execute(_LAST_MAILS, values)
        return {(ConversationKey(row[0], row[1]), row[2], row[3]): row[4] for row in rows}

    def _read_last_answers(self, recipients: Sequence[Recipient]) -> dict[ParticipantKey, str]:
        values: dict[str, Any] = arrays.of_participants(recipient.key for recipient in recipients)
        rows = self._session.execute(_LAST_ANSWERS, values | {"seen": [each.mailed_seq for each in recipients]})
        return {ParticipantKey(ConversationKey(row[0], row[1]), row[2]): row[3] for row in rows}


def claim(session: Session, now: datetime) -> list[DueNotification]:
    """Claim due notifications, oldest first; they and their participations are locked until the transaction ends."""
    rows = session.execute(_CLAIM, {"now": now, "limit": BATCH})
    return [DueNotification(row[0], row[1], Recipient(*row[2:])) for row in rows]


def _given(**columns: Sequence[Any]) -> FromClause:
    """Array parameters as a table, for joins."""
    kinds = {name: BigInteger if name == "seq" else Text for name in columns}
    values = [cast(list(values), ARRAY(kinds[name])) for name, values in columns.items()]
    return func.unnest(*values).table_valued(*(column(name, kinds[name]) for name in columns)).render_derived("given")


def _conversation_of(message: Message) -> ConversationKey:
    return ConversationKey(message.app_id, message.conversation_id)


def _authors(conversations: Iterable[Sequence[Message]]) -> set[tuple[str, str]]:
    """Authors of the messages, and users whom messages from mail mention by a plain @Name."""
    messages = [message for messages in conversations for message in messages]
    writers = {(message.app_id, message.sender_id) for message in messages if message.sender_id}
    mails = [message for message in messages if message.origin == Origin.EMAIL]
    return writers | {(message.app_id, user_id) for message in mails for user_id in message.mentions}


def _addresses(recipients: Iterable[Recipient]) -> set[tuple[str, str]]:
    return {(recipient.app_id, address) for recipient in recipients for address in recipient.emails or ()}
