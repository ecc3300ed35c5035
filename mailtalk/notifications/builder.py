"""Builds the mails of due notifications, a batch per transaction: rights are checked now, and the bytes are final."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from mailtalk import ids
from mailtalk.events import payloads, serializers
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.mail.composing import compose
from mailtalk.mail.composing.headers import NotificationHeaders, label
from mailtalk.mail.composing.link_slots import filled
from mailtalk.models import Message
from mailtalk.notifications import batch as batches
from mailtalk.notifications import store
from mailtalk.notifications.batch import Batch, DueNotification, Recipient
from mailtalk.notifications.content import Contents, Variant
from mailtalk.notifications.settle import Settlement, settle, unsettled
from mailtalk.notifications.store import Ended, NewMail
from mailtalk.outbound.deliveries import seal_name
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.participation import addresses, links
from mailtalk.vocabulary import EventType, Purpose, Reason

log = logging.getLogger(__name__)
TRIGGERED = EventType.NOTIFICATION_TRIGGERED


@dataclass(frozen=True, slots=True)
class MailIdentity:
    """Origin of our mails: sender address, domain of inbound addresses, base URL of links, and the signer."""

    address: str
    domain: str
    base_url: str = "http://127.0.0.1:8000"
    file_url_seconds: float = 604_800
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable

    def links(self, keyring: Keyring) -> Links:
        """Links in our mails to files received by mail."""
        return Links(keyring, self.base_url, self.file_url_seconds)


class MailBuilder:
    """Builder of one batch; shared data is read and rendered once."""

    def __init__(self, session: Session, keyring: Keyring, identity: MailIdentity, now: datetime) -> None:
        self._session, self._keyring, self._identity, self._now = session, keyring, identity, now
        self._ended: list[Ended] = []
        self._addresses: list[dict[str, Any]] = []

    def build(self) -> int:
        """Build the due notifications; returns their number, 0 if none is left."""
        due = batches.claim(self._session, self._now)
        if due:
            self._batch = Batch(self._session, due, self._now)
            self._contents = Contents(self._batch, self._identity.links(self._keyring), self._now)
            store.add_mails(self._session, self._now, self._mails(due))
            store.end(self._session, self._now, self._ended)
            addresses.keep(self._session, self._addresses)
            self._tell()
        return len(due)

    def _mails(self, due: Sequence[DueNotification]) -> Iterator[NewMail]:
        """Mails of all notifications, made while they are written; the end of each notification is noted on the way."""
        for notification in due:
            settlement, mails = self._build_safely(notification)
            self._ended.append((notification, settlement))
            yield from mails

    def _build_safely(self, notification: DueNotification) -> tuple[Settlement, Sequence[NewMail]]:
        """Build one notification; its failure must not keep those of other apps from being built."""
        fresh = self._batch.fresh(notification)
        settlement = unsettled(notification, fresh)
        try:
            is_reachable = bool(self._batch.addresses(notification.recipient))
            settlement = settle(notification, fresh, self._now, is_reachable=is_reachable)
            return settlement, [] if settlement.reason else self._build(notification, settlement.wanted)
        except Exception as error:
            log.exception("notification %d could not be built", notification.id)
            return settlement._replace(reason=f"error: {type(error).__name__}"), []

    def _build(self, notification: DueNotification, wanted: Sequence[Message]) -> list[NewMail]:
        recipient = notification.recipient
        may_reply = addresses.serves(recipient, Purpose.REPLY)
        variant = self._contents.variant(recipient, wanted, may_reply=may_reply)
        token = links.token(self._keyring, recipient.id)
        ways: dict[str, str | None] = {
            "conversation": variant.style.link_for(recipient.conversation_id, recipient.user_id),
            "settings": f"{self._identity.base_url}{links.SETTINGS}{token}",
            "unsubscribe": f"{self._identity.base_url}{links.UNSUBSCRIBE}{token}",
        }
        reply_to = self._inbound(recipient, Purpose.REPLY) if may_reply else None
        unsubscribe = self._inbound(recipient, Purpose.UNSUBSCRIBE)
        return [
            self._mail(notification, address, variant, reply_to, unsubscribe, ways)
            for address in self._batch.addresses(recipient)
        ]

    def _mail(  # noqa: PLR0913, PLR0917  all that differs by reader
        self,
        notification: DueNotification,
        address: str,
        variant: Variant,
        reply_to: str | None,
        unsubscribe: str,
        ways: dict[str, str | None],
    ) -> NewMail:
        recipient, delivery_id, identity = notification.recipient, uuid4(), self._identity
        thread = label(*recipient.conversation)
        message_id = f"<n.{delivery_id.hex}@{identity.domain}>"
        headers = NotificationHeaders(
            sender_name=variant.sender_name,
            sender=identity.address,
            reader_name=recipient.name,
            reader=address,
            reply_to=reply_to,
            unsubscribe=unsubscribe,
            message_id=message_id,
            references=self._references(recipient, address),
            thread=thread,
            feedback=f"{thread[:12]}:{label(recipient.app_id)[:12]}:notification:mailtalk",
            domain=identity.domain,
            at=self._now,
            links=ways,
        )
        head, body = compose.head(headers, variant.body), filled(variant.body.parts, ways)
        relaxed = filled(variant.relaxed, ways) if identity.signer.signers else b""
        mail = identity.signer.added(head, relaxed, delivery_id) + head + body
        sealed = self._keyring.seal(mail, about=seal_name(delivery_id))
        return NewMail(delivery_id, notification, address, message_id, sealed)

    def _references(self, recipient: Recipient, address: str) -> tuple[str, ...]:
        """References of the mail: the thread's root, our last mail, and the reader's own reply, if newer."""
        root = f"<c.{label(*recipient.conversation, recipient.user_id, address)}@{self._identity.domain}>"
        earlier = (root, self._batch.last_mail(recipient, address), self._batch.last_answer(recipient))
        return tuple(filter(None, earlier))

    def _inbound(self, recipient: Recipient, purpose: Purpose) -> str:
        local, row = addresses.made(self._keyring, recipient, purpose)
        self._addresses.append(row)
        return f"{local}@{self._identity.domain}"

    def _tell(self) -> None:
        """Record an event for each notification, also of a reader without an address, for apps with an endpoint."""
        apps = events.wanting(
            self._session, {notification.recipient.app_id for notification, _ in self._ended}, TRIGGERED
        )
        told = [
            (notification, settlement.wanted)
            for notification, settlement in self._ended
            if notification.recipient.app_id in apps
            and settlement.reason in {None, Reason.NO_ADDRESS, Reason.SUPPRESSED}
        ]
        events.record_many(self._session, list(self._events(told)), self._now)

    def _events(self, told: Sequence[tuple[DueNotification, Sequence[Message]]]) -> Iterator[Happened]:
        keys = [(notification.recipient.app_id, notification.recipient.user_id) for notification, _ in told]
        users = self._batch.users(keys) if keys else {}
        rows = {
            key: self._batch.conversations[key]
            for key in (notification.recipient.conversation for notification, _ in told)
        }
        conversations = payloads.conversations(self._session, list(rows.values())) if rows else {}
        for (notification, wanted), key in zip(told, keys, strict=True):
            conversation = notification.recipient.conversation
            data = {
                "notificationId": ids.NOTIFICATION.show(notification.id),
                "recipient": serializers.user(users[key]),
                "sender": self._batch.sender(wanted[-1]),
                "conversation": conversations[conversation],
                "messages": [serializers.message(message, message.read_by) for message in wanted],
            }
            yield Happened(conversation.app_id, TRIGGERED, data, conversation.id)
