"""Letters: a due notification is made into mails, its rights checked now, its bytes frozen, in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mailtalk import addresses, conversations, messages
from mailtalk.keys import Keyring
from mailtalk.mail import compose
from mailtalk.models import App, Conversation, Delivery, Message, Notification, Participation, User
from mailtalk.notify import wants_mail
from mailtalk.vocabulary import Access, NotificationStatus, Notify, Purpose

BATCH = 200  # notifications in one transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mails come from: the envelope's and header's address, and the domain of the inbound addresses."""

    address: str
    domain: str


@dataclass(frozen=True, slots=True)
class _Due:
    notification: Notification
    participation: Participation
    user: User
    conversation: Conversation
    app: App

    @property
    def place(self) -> tuple[str, str]:
        return self.conversation.app_id, self.conversation.id


class Maker:
    """Makes one batch: what is shared by its letters is read and rendered once."""

    def __init__(self, session: Session, keyring: Keyring, sender: Sender, now: datetime) -> None:
        self.session, self.keyring, self.sender, self.now = session, keyring, sender, now
        self._messages: dict[tuple[str, str], list[Message]] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._last: dict[tuple[str, str, str, str], str] = {}
        self._bodies: dict[compose.Content, bytes] = {}

    def make(self) -> int:
        """Make the notifications that are due; gives how many were in hand, 0 when none is left."""
        batch = self._due()
        self._read(batch)
        for due in batch:
            reason = self._make_safely(due)
            due.notification.status = NotificationStatus.CANCELLED if reason else NotificationStatus.MADE
            due.notification.reason = reason
            due.notification.ended_at = self.now
        return len(batch)

    def _due(self) -> list[_Due]:
        # SKIP LOCKED on the participation too: a change that is being applied is waited for by coming back.
        rows = self.session.execute(
            select(Notification, Participation, User, Conversation, App)
            .join(Participation, _same(Notification, Participation))
            .join(User, (User.app_id == Notification.app_id) & (User.id == Notification.user_id))
            .join(
                Conversation,
                (Conversation.app_id == Notification.app_id) & (Conversation.id == Notification.conversation_id),
            )
            .join(App, App.id == Notification.app_id)
            .where(Notification.status == NotificationStatus.OPEN, Notification.not_before <= self.now)
            .order_by(Notification.not_before, Notification.id)
            .limit(BATCH)
            .with_for_update(of=[Notification, Participation], key_share=True, skip_locked=True)
        )
        return [_Due(*row) for row in rows]

    def _read(self, batch: Sequence[_Due]) -> None:
        first: dict[tuple[str, str], int] = {}
        for due in batch:
            first[due.place] = min(_first(due), first.get(due.place, _first(due)))
        for place, seq in first.items():
            self._messages[place] = self._since(*place, seq)
        self._names = self._sender_names()
        self._last = self._last_mails(batch)

    def _since(self, app_id: str, conversation_id: str, seq: int) -> list[Message]:
        query = select(Message).where(Message.app_id == app_id, Message.conversation_id == conversation_id)
        return list(self.session.scalars(query.where(Message.seq >= seq).order_by(Message.seq)))

    def _sender_names(self) -> dict[tuple[str, str], str]:
        senders = {(m.app_id, m.sender_id) for found in self._messages.values() for m in found if m.sender_id}
        rows = self.session.execute(
            text("""
            SELECT u.app_id, u.id, u.name FROM users u
            JOIN unnest(CAST(:apps AS text[]), CAST(:ids AS text[])) AS s (app_id, id)
                ON u.app_id = s.app_id AND u.id = s.id"""),
            {"apps": [app_id for app_id, _ in senders], "ids": [user_id for _, user_id in senders]},
        )
        return {(row.app_id, row.id): row.name for row in rows}

    def _last_mails(self, batch: Sequence[_Due]) -> dict[tuple[str, str, str, str], str]:
        rows = self.session.execute(
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

    def _make_safely(self, due: _Due) -> str | None:
        # One that cannot be made must not keep the others, of all apps, from being made.
        try:
            return self._make_one(due)
        except SQLAlchemyError:
            raise
        except Exception as error:
            log.exception("notification %d could not be made", due.notification.id)
            return f"error: {type(error).__name__}"

    def _make_one(self, due: _Due) -> str | None:
        """Make a notification's mails; or the reason why there is none."""
        state = conversations.state(due.participation)
        fresh = [message for message in self._messages[due.place] if message.seq >= _first(due)]
        wanted = [message for message in fresh if wants_mail(due.user.id, state, message, self.now)]
        reason = _why_not(due, bool(wanted), self.now)
        if reason is None:
            self.session.add_all(list(self._deliveries(due, wanted)))
            due.participation.mailed_seq = fresh[-1].seq
        return reason

    def _deliveries(self, due: _Due, wanted: Sequence[Message]) -> Iterable[Delivery]:
        may_reply = addresses.serves(due.participation, Purpose.REPLY)
        subject = due.conversation.subject or f"New messages in {due.app.name}"
        body = self._body(subject, wanted, may_reply=may_reply)
        reply_to = self._inbound(due, Purpose.REPLY) if may_reply else None
        unsubscribe = self._inbound(due, Purpose.UNSUBSCRIBE)
        for address in dict.fromkeys(due.user.emails or ()):
            delivery_id = uuid4()
            letter = self._letter(due, wanted, delivery_id, address, reply_to, unsubscribe)
            yield self._delivery(due, delivery_id, letter, compose.mail(letter, subject, body))

    def _body(self, subject: str, wanted: Sequence[Message], *, may_reply: bool) -> bytes:
        lines = tuple(compose.Line(self._name(m), messages.said(m), m.created_at) for m in wanted)
        content = compose.Content(subject, lines, may_reply)
        if content not in self._bodies:
            self._bodies[content] = compose.body(content)
        return self._bodies[content]

    def _name(self, message: Message) -> str:
        return self._names.get((message.app_id, message.sender_id or ""), "")

    def _inbound(self, due: _Due, purpose: Purpose) -> str:
        return f"{addresses.issue(self.session, self.keyring, due.participation, purpose)}@{self.sender.domain}"

    def _letter(  # noqa: PLR0913, PLR0917  one place where a mail's headers come together
        self, due: _Due, wanted: Sequence[Message], delivery_id: UUID, to: str, reply_to: str | None, unsubscribe: str
    ) -> compose.Letter:
        names = list(dict.fromkeys(self._name(message) for message in wanted))
        root = f"<c.{compose.label(*due.place, due.user.id, to)}@{self.sender.domain}>"
        last = self._last.get((*due.place, due.user.id, to))
        return compose.Letter(
            sender_name=f"{', '.join(names[:3])} via {due.app.name}",
            sender=self.sender.address,
            reader_name=due.user.name,
            reader=to,
            reply_to=reply_to,
            unsubscribe=unsubscribe,
            message_id=f"<n.{delivery_id.hex}@{self.sender.domain}>",
            references=(root, last) if last else (root,),
            list_id=f"{compose.label(*due.place)}.{self.sender.domain}",
            at=self.now,
            loop_id=self.sender.domain,
        )

    def _delivery(self, due: _Due, delivery_id: UUID, letter: compose.Letter, mail: bytes) -> Delivery:
        return Delivery(
            app_id=due.app.id,
            id=delivery_id,
            notification_id=due.notification.id,
            conversation_id=due.conversation.id,
            user_id=due.user.id,
            address=letter.reader,
            message_id=letter.message_id,
            body_sealed=self.keyring.seal(mail, about=f"delivery/{delivery_id}"),
            not_before=self.now,
            created_at=self.now,
        )


def _first(due: _Due) -> int:
    """The first message the reader has not read, was not mailed, and the notification is about."""
    seen = max(due.participation.mailed_seq, due.participation.read_seq)
    return max(seen + 1, due.notification.from_seq)


def _why_not(due: _Due, wanted: bool, now: datetime) -> str | None:
    """The first reason that keeps the reader from being mailed; None when nothing does."""
    reasons = (
        ("left", not due.participation.present),
        ("access-none", due.participation.access == Access.NONE),
        ("muted", due.participation.mute_until is not None and now < due.participation.mute_until),
        ("notify-off", due.participation.notify == Notify.OFF),
        ("nothing-new", not wanted),
        ("no-address", not due.user.emails),
    )
    return next((reason for reason, holds in reasons if holds), None)


def _same(left: type[Notification], right: type[Participation]) -> ColumnElement[bool]:
    return (
        (left.app_id == right.app_id)
        & (left.conversation_id == right.conversation_id)
        & (left.user_id == right.user_id)
    )
