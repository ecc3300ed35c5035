"""Data that the mails of a batch of notifications need, read in a constant number of statements."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, FromClause, Text, and_, cast, column, func, select, text
from sqlalchemy.orm import Session

from mailtalk.db import arrays
from mailtalk.events import schemas, serializers
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.mail import address as mail_address
from mailtalk.mail.composing.compose import LINES
from mailtalk.models import App, Conversation, Message, User
from mailtalk.notifications import audience
from mailtalk.notifications.audience import Audience
from mailtalk.notifications.due import DueNotification, Recipient
from mailtalk.outbound import suppressions
from mailtalk.vocabulary import Origin

PIECE = 2_000  # headings fetched at once

_LAST_MAILS = text("""
    SELECT k.app_id, k.conversation_id, k.user_id, k.address, d.message_id
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:addresses AS text[]))
        AS k (app_id, conversation_id, user_id, address)
    JOIN LATERAL (
        SELECT message_id FROM deliveries d
        WHERE (d.app_id, d.conversation_id, d.user_id) = (k.app_id, k.conversation_id, k.user_id)
            AND d.address = k.address AND d.kind = 'notification' AND d.stage NOT IN ('cancelled', 'outdated')
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


class Heading(NamedTuple):
    """Columns of a message that decide who is mailed, without its text: a backlog may be long."""

    app_id: str
    conversation_id: str
    seq: int
    type: str
    origin: str
    sender_id: str | None
    mentions: Collection[str]


class Batch:
    """Shared data of the mails of a batch: conversations, messages, authors, and each reader's earlier mails.

    First the headings of all messages; then, by `load`, what the mails show.
    """

    def __init__(self, session: Session, due: Sequence[DueNotification], now: datetime) -> None:
        self._session = session
        recipients = [notification.recipient for notification in due]
        self.conversations = {row.key: row for row in self._read_conversations(recipients)}
        self.apps = {row.id: row for row in self._read_apps(recipients)}
        self._headings = self._read_headings(due)
        self._suppressed = suppressions.active(session, now, _addresses(recipients))

    def load(self, wanted: Sequence[tuple[Recipient, Sequence[Heading]]]) -> None:
        """Read what the mails show that these readers get: the newest of their messages, and names."""
        headings = [each for _, each in wanted]
        recipients = [recipient for recipient, _ in wanted]
        self._answered = audience.answered(
            self._session, {recipient.key: messages[-LINES:][0].seq for recipient, messages in wanted if messages}
        )
        self._messages = self._read_messages(
            {heading[:3] for each in headings for heading in each[-LINES:]}
            | {(*key.conversation, seq) for key, seq in self._answered.items()}
        )
        writers = _writers(headings)
        self._audiences = audience.audiences(self._session, writers)
        self._authors = self._read_users(_named(writers, self._messages.values(), self._audiences))
        self._last_mails = self._read_last_mails(recipients)
        self._last_answers = self._read_last_answers(recipients)

    def fresh(self, notification: DueNotification) -> list[Heading]:
        """Messages of the notification, in order; of an open one, those that are not settled yet."""
        headings = self._headings.get(notification.recipient.conversation, ())
        return [heading for heading in headings if notification.covers(heading.seq)]

    def shown(self, wanted: Sequence[Heading]) -> list[Message]:
        """The newest of these messages, as many as a mail shows; those deleted meanwhile are missing."""
        return [message for heading in wanted[-LINES:] if (message := self._messages.get(heading[:3]))]

    def answered(self, recipient: Recipient) -> Message | None:
        """The reader's own message right before those that are mailed to them."""
        seq = self._answered.get(recipient.key)
        return None if seq is None else self._messages.get((*recipient.conversation, seq))

    def readers(self, recipient: Recipient) -> tuple[tuple[str, ...], int]:
        """Names of the first others who read the conversation, and the number of the rest."""
        others = self._audiences.get(recipient.conversation, Audience())
        named, rest = others.others(recipient.user_id, takes_part=recipient.takes_part)
        return tuple(self.name(recipient.app_id, user_id) for user_id in named), rest

    def sender_name(self, message: Message | Heading) -> str:
        """The author's name."""
        return self.name(message.app_id, message.sender_id or "")

    def sender_names(self, messages: Sequence[Heading]) -> tuple[str, ...]:
        """The authors' names, without repetitions."""
        return tuple(dict.fromkeys(self.sender_name(message) for message in messages))

    def name(self, app_id: str, user_id: str) -> str:
        """Name of an author, or of a user mentioned in a mail."""
        user = self._authors.get((app_id, user_id))
        return user.name if user else ""

    def has_photo(self, message: Message) -> bool:
        """True if the author has a `photoUrl`."""
        user = self._authors.get((message.app_id, message.sender_id or ""))
        return user is not None and bool(user.photo_url)

    def sender(self, message: Heading) -> schemas.User | None:
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

    def _read_headings(self, due: Iterable[DueNotification]) -> dict[ConversationKey, list[Heading]]:
        first: dict[ConversationKey, int] = {}
        for notification in due:
            key = notification.recipient.conversation
            first[key] = min(notification.first_seq, first.get(key, notification.first_seq))
        keys = arrays.of_conversations(first)
        given = _given(app_id=keys["apps"], id=keys["ids"], seq=list(first.values()))
        same = and_(Message.app_id == given.c.app_id, Message.conversation_id == given.c.id, Message.seq >= given.c.seq)
        query = select(*(getattr(Message, name) for name in Heading._fields)).join(given, same)
        query = query.order_by(Message.app_id, Message.conversation_id, Message.seq)
        rows = map(Heading._make, self._session.execute(query.execution_options(yield_per=PIECE)))
        return {ConversationKey(*key): list(headings) for key, headings in groupby(rows, lambda heading: heading[:2])}

    def _read_messages(self, keys: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str, int], Message]:
        rows = list(keys)
        given = _given(
            app_id=[app_id for app_id, _, _ in rows], id=[id_ for _, id_, _ in rows], seq=[seq for _, _, seq in rows]
        )
        same = and_(Message.app_id == given.c.app_id, Message.conversation_id == given.c.id, Message.seq == given.c.seq)
        messages = self._session.scalars(select(Message).join(given, same))
        return {(message.app_id, message.conversation_id, message.seq): message for message in messages}

    def _read_users(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], User]:
        rows = list(keys)
        given = _given(app_id=[app_id for app_id, _ in rows], id=[user_id for _, user_id in rows])
        same = and_(User.app_id == given.c.app_id, User.id == given.c.id)
        return {(user.app_id, user.id): user for user in self._session.scalars(select(User).join(given, same))}

    def _read_last_mails(self, recipients: Iterable[Recipient]) -> dict[tuple[ConversationKey, str, str], str]:
        pairs = [(recipient.key, address) for recipient in recipients for address in self.addresses(recipient)]
        values = arrays.of_participants(key for key, _ in pairs) | {"addresses": [address for _, address in pairs]}
        rows = self._session.execute(_LAST_MAILS, values)
        return {(ConversationKey(row[0], row[1]), row[2], row[3]): row[4] for row in rows}

    def _read_last_answers(self, recipients: Iterable[Recipient]) -> dict[ParticipantKey, str]:
        seen = {recipient.key: recipient.mailed_seq for recipient in recipients}
        values: dict[str, Any] = arrays.of_participants(seen) | {"seen": list(seen.values())}
        rows = self._session.execute(_LAST_ANSWERS, values)
        return {ParticipantKey(ConversationKey(row[0], row[1]), row[2]): row[3] for row in rows}


def _given(**columns: Sequence[Any]) -> FromClause:
    """Array parameters as a table, for joins."""
    kinds = {name: BigInteger if name == "seq" else Text for name in columns}
    values = [cast(list(values), ARRAY(kinds[name])) for name, values in columns.items()]
    return func.unnest(*values).table_valued(*(column(name, kinds[name]) for name in columns)).render_derived("given")


def _writers(conversations: Iterable[Sequence[Heading]]) -> dict[ConversationKey, set[str]]:
    """Authors of the messages of each conversation."""
    writers: dict[ConversationKey, set[str]] = {}
    for heading in (heading for headings in conversations for heading in headings):
        key = ConversationKey(heading.app_id, heading.conversation_id)
        writers.setdefault(key, set()).update(filter(None, [heading.sender_id]))
    return writers


def _named(
    writers: Mapping[ConversationKey, Collection[str]],
    shown: Iterable[Message],
    audiences: Mapping[ConversationKey, Audience],
) -> set[tuple[str, str]]:
    """Authors of the messages, users whom shown messages from mail mention by a plain @Name, and first readers."""
    mails = [message for message in shown if message.origin == Origin.EMAIL]
    mentioned = {(message.app_id, user_id) for message in mails for user_id in message.mentions}
    wrote = {(key.app_id, user_id) for key, ids in writers.items() for user_id in ids}
    return wrote | mentioned | {(key.app_id, user_id) for key, each in audiences.items() for user_id in each.first}


def _addresses(recipients: Iterable[Recipient]) -> set[tuple[str, str]]:
    return {(recipient.app_id, address) for recipient in recipients for address in recipient.emails or ()}
