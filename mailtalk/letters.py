"""Letters: a due notification is made into mails, its rights checked now, its bytes frozen, in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mailtalk import addresses, deliveries, messages
from mailtalk.due import Due, Shared, take
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.mail import compose
from mailtalk.models import Delivery, Message
from mailtalk.vocabulary import NotificationStatus, Purpose

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mails come from: the envelope's and header's address, and the domain of the inbound addresses."""

    address: str
    domain: str
    base_url: str = "http://127.0.0.1:8000"
    file_url_seconds: float = 604_800

    def links(self, keyring: Keyring) -> Links:
        """How files that came with mails are shown in ours."""
        return Links(keyring, self.base_url, self.file_url_seconds)


class Maker:
    """Makes one batch: what is shared by its letters is read and rendered once."""

    def __init__(self, session: Session, keyring: Keyring, sender: Sender, now: datetime) -> None:
        self.session, self.keyring, self.sender, self.now = session, keyring, sender, now
        self._bodies: dict[compose.Content, bytes] = {}

    def make(self) -> int:
        """Make the notifications that are due; gives how many were in hand, 0 when none is left."""
        batch = take(self.session, self.now)
        self.shared = Shared(self.session, batch)
        for due in batch:
            reason = self._make_safely(due)
            due.notification.status = NotificationStatus.CANCELLED if reason else NotificationStatus.MADE
            due.notification.reason = reason
            due.notification.ended_at = self.now
        return len(batch)

    def _make_safely(self, due: Due) -> str | None:
        # One that cannot be made must not keep the others, of all apps, from being made.
        try:
            return self._make_one(due)
        except SQLAlchemyError:
            raise
        except Exception as error:
            log.exception("notification %d could not be made", due.notification.id)
            return f"error: {type(error).__name__}"

    def _make_one(self, due: Due) -> str | None:
        """Make a notification's mails; or the reason why there is none."""
        wanted, reason = due.decide(self.session, self.shared.fresh(due), self.now)
        if reason is None:
            self.session.add_all(list(self._deliveries(due, wanted)))
        return reason

    def _deliveries(self, due: Due, wanted: Sequence[Message]) -> Iterable[Delivery]:
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
        lines = tuple(compose.Line(self._name(m), messages.said(m, self._file(m)), m.created_at) for m in wanted)
        content = compose.Content(compose.clean(subject, compose.SUBJECT_LIMIT), lines, may_reply)
        if content not in self._bodies:
            self._bodies[content] = compose.body(content)
        return self._bodies[content]

    def _name(self, message: Message) -> str:
        return compose.clean(self.shared.sender_name(message), compose.NAME_LIMIT)

    def _file(self, message: Message) -> str | None:
        """Where a message's file is."""
        shown = self.sender.links(self.keyring).shown(message.app_id, message.attachment, self.now)
        return None if shown is None else str(shown["url"])

    def _inbound(self, due: Due, purpose: Purpose) -> str:
        return f"{addresses.issue(self.session, self.keyring, due.participation, purpose)}@{self.sender.domain}"

    def _letter(  # noqa: PLR0913, PLR0917  one place where a mail's headers come together
        self, due: Due, wanted: Sequence[Message], delivery_id: UUID, to: str, reply_to: str | None, unsubscribe: str
    ) -> compose.Letter:
        names = list(dict.fromkeys(self.shared.sender_name(message) for message in wanted))
        root = f"<c.{compose.label(*due.place, due.user.id, to)}@{self.sender.domain}>"
        last = self.shared.last_mail(due, to)
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

    def _delivery(self, due: Due, delivery_id: UUID, letter: compose.Letter, mail: bytes) -> Delivery:
        return Delivery(
            app_id=due.app.id,
            id=delivery_id,
            notification_id=due.notification.id,
            conversation_id=due.conversation.id,
            user_id=due.user.id,
            address=letter.reader,
            message_id=letter.message_id,
            body_sealed=self.keyring.seal(mail, about=deliveries.seal_name(delivery_id)),
            not_before=self.now,
            created_at=self.now,
        )
