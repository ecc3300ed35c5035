"""Letters: a due notification is made into mails, its rights checked now, its bytes frozen, in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mailtalk.events import record as events
from mailtalk.events import serializers
from mailtalk.events.record import Happened
from mailtalk.files import Links
from mailtalk.ids import NOTIFICATION
from mailtalk.keys import Keyring
from mailtalk.mail.composing import compose
from mailtalk.mail.composing.content import NotificationContent
from mailtalk.mail.composing.headers import NotificationHeaders, label
from mailtalk.models import Delivery, Message
from mailtalk.notifications import settle
from mailtalk.notifications.batch import Due, Shared, take
from mailtalk.notifications.content import Bodies
from mailtalk.outbound import deliveries
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.participation import addresses, links
from mailtalk.vocabulary import EventType, NotificationStatus, Purpose, Reason

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who our mails come from: the envelope's and header's address, the inbound addresses' domain, the links' base."""

    address: str
    domain: str
    base_url: str = "http://127.0.0.1:8000"
    file_url_seconds: float = 604_800
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable

    def links(self, keyring: Keyring) -> Links:
        """How files that came with mails are shown in ours."""
        return Links(keyring, self.base_url, self.file_url_seconds)


class Maker:
    """Makes one batch: what is shared by its letters is read and rendered once."""

    def __init__(self, session: Session, keyring: Keyring, sender: Sender, now: datetime) -> None:
        self.session, self.keyring, self.sender, self.now = session, keyring, sender, now
        self._issued: list[dict[str, Any]] = []
        self._told: list[tuple[str, dict[str, Any], str]] = []

    def make(self) -> int:
        """Make the notifications that are due; gives how many were in hand, 0 when none is left."""
        batch = take(self.session, self.now)
        self.shared = Shared(self.session, batch, self.now)
        self.bodies = Bodies(self.shared, self.sender.links(self.keyring), self.now)
        for due in batch:
            reason = self._make_safely(due)
            due.notification.status = NotificationStatus.CANCELLED if reason else NotificationStatus.MADE
            due.notification.reason = reason
            due.notification.ended_at = self.now
        self._keep()
        return len(batch)

    def _keep(self) -> None:
        # At the end and all at once: a statement for each letter would take most of the time.
        addresses.keep(self.session, self._issued)
        kind = EventType.NOTIFICATION_TRIGGERED
        told = [Happened(app_id, kind, data, conversation_id) for app_id, data, conversation_id in self._told]
        events.record_many(self.session, told, self.now)

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
        reachable = bool(self.shared.addresses(due))
        wanted, reason = settle.settle(self.session, due, self.shared.fresh(due), self.now, reachable=reachable)
        if reason in {None, Reason.NO_ADDRESS, Reason.SUPPRESSED}:
            self._tell(due, wanted)
        if reason is None:
            self.session.add_all(list(self._deliveries(due, wanted)))
        return reason

    def _tell(self, due: Due, wanted: Sequence[Message]) -> None:
        """Say to other programs that somebody is notified, also who has no address."""
        data = {
            "notificationId": NOTIFICATION.show(due.notification.id),
            "recipient": serializers.user(due.user),
            "sender": self.shared.sender(wanted[-1]),
            "conversation": serializers.conversation(due.conversation),
            "messages": [serializers.message(message, message.read_by) for message in wanted],
        }
        self._told.append((due.app.id, data, due.conversation.id))

    def _deliveries(self, due: Due, wanted: Sequence[Message]) -> Iterable[Delivery]:
        may_reply = addresses.serves(due.participation, Purpose.REPLY)
        content = self.bodies.content(due, wanted, may_reply=may_reply)
        body = compose.body(content)
        sender_name = compose.sender(content, self.shared.sender_names(wanted))
        reply_to = self._inbound(due, Purpose.REPLY) if may_reply else None
        unsubscribe = self._inbound(due, Purpose.UNSUBSCRIBE)
        to_pages = self._links(due, content)
        for address in self.shared.addresses(due):
            delivery_id = uuid4()
            made = NotificationHeaders(
                sender_name=sender_name,
                sender=self.sender.address,
                reader_name=due.user.name,
                reader=address,
                reply_to=reply_to,
                unsubscribe=unsubscribe,
                message_id=f"<n.{delivery_id.hex}@{self.sender.domain}>",
                references=self._references(due, address),
                thread=label(*due.place),
                feedback=f"{label(*due.place)[:12]}:{label(due.app.id)[:12]}:notification:mailtalk",
                domain=self.sender.domain,
                at=self.now,
                links=to_pages,
            )
            delivery = self._delivery(due, delivery_id, made)
            yield deliveries.freeze(delivery, compose.mail(made, body), self.keyring, self.sender.signer)

    def _references(self, due: Due, address: str) -> tuple[str, ...]:
        """What the mail goes on from: the root of its thread, our last mail, and the reader's own answer, if newer."""
        root = f"<c.{label(*due.place, due.user.id, address)}@{self.sender.domain}>"
        found = (root, self.shared.last_mail(due, address), self.shared.last_answer(due))
        return tuple(each for each in found if each)

    def _links(self, due: Due, content: NotificationContent) -> dict[str, str | None]:
        keyring, base_url, row = self.keyring, self.sender.base_url, due.participation
        return {
            "conversation": content.style.link_for(due.conversation.id, due.user.id),
            "settings": links.settings(keyring, base_url, row),
            "unsubscribe": links.unsubscribe(keyring, base_url, row),
        }

    def _inbound(self, due: Due, purpose: Purpose) -> str:
        local, row = addresses.made(self.keyring, due.participation, purpose)
        self._issued.append(row)
        return f"{local}@{self.sender.domain}"

    def _delivery(self, due: Due, delivery_id: UUID, letter: NotificationHeaders) -> Delivery:
        return Delivery(
            app_id=due.app.id,
            id=delivery_id,
            notification_id=due.notification.id,
            conversation_id=due.conversation.id,
            user_id=due.user.id,
            address=letter.reader,
            message_id=letter.message_id,
            not_before=self.now,
            created_at=self.now,
        )
