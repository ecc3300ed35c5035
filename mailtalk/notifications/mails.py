"""Mails of notifications as final bytes: content shared by many readers, plus each reader's headers and links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from psycopg.types.multirange import Multirange

from mailtalk import sealed_mail
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.mail.composing import compose
from mailtalk.mail.composing.headers import NotificationHeaders, label
from mailtalk.mail.composing.link_slots import filled
from mailtalk.notifications.batch import Batch, Heading
from mailtalk.notifications.content import Contents, Variant
from mailtalk.notifications.due import DueNotification, Recipient
from mailtalk.notifications.settle import ranges
from mailtalk.notifications.store import NewMail
from mailtalk.outbound.deliveries import seal_name
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.participation import addresses, links
from mailtalk.vocabulary import Purpose


@dataclass(frozen=True, slots=True)
class MailIdentity:
    """Origin of our mails: sender address, domain of inbound addresses, base URL of links, signer, and the cap."""

    address: str
    domain: str
    base_url: str = "http://127.0.0.1:8000"
    file_url_seconds: float = 604_800
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable
    mails_per_hour: int = 0  # notifications of one user; 0: any

    def links(self, keyring: Keyring) -> Links:
        """Links in our mails to files received by mail."""
        return Links(keyring, self.base_url, self.file_url_seconds)


class _Shared(NamedTuple):
    """Parts that the mails of one notification share."""

    variant: Variant
    reply_to: str | None
    unsubscribe: str
    links: dict[str, str | None]
    seqs: Multirange[int]
    edited_at: datetime | None


class MailMaker:
    """Maker of one batch's mails; shared content is rendered once. `issued`: rows of the addresses in the mails."""

    def __init__(self, batch: Batch, keyring: Keyring, identity: MailIdentity, now: datetime) -> None:
        self._batch, self._keyring, self._identity, self._now = batch, keyring, identity, now
        self._contents = Contents(batch, identity.links(keyring), now)
        self.issued: list[dict[str, Any]] = []

    def mails(
        self, notification: DueNotification, wanted: Sequence[Heading], mailboxes: Sequence[str]
    ) -> list[NewMail]:
        """One mail about these messages to each of these addresses of the reader."""
        shared = self._shared(notification.recipient, wanted)
        return [self._mail(notification, address, shared) for address in mailboxes]

    def _shared(self, recipient: Recipient, wanted: Sequence[Heading]) -> _Shared:
        may_reply = addresses.serves(recipient, Purpose.REPLY)
        variant = self._contents.variant(recipient, wanted, may_reply=may_reply)
        token = links.token(self._keyring, recipient.id)
        ways: dict[str, str | None] = {
            "conversation": variant.style.link_for(recipient.conversation_id, recipient.user_id),
            "settings": f"{self._identity.base_url}{links.SETTINGS}{token}",
            "unsubscribe": f"{self._identity.base_url}{links.UNSUBSCRIBE}{token}",
        }
        reply_to = self._inbound(recipient, Purpose.REPLY) if may_reply else None
        edits = [message.edited_at for message in self._batch.shown(wanted) if message.edited_at]
        return _Shared(
            variant,
            reply_to,
            self._inbound(recipient, Purpose.UNSUBSCRIBE),
            ways,
            ranges(wanted),
            max(edits, default=None),
        )

    def _mail(self, notification: DueNotification, address: str, shared: _Shared) -> NewMail:
        recipient, delivery_id, identity = notification.recipient, uuid4(), self._identity
        variant, ways = shared.variant, shared.links
        thread = label(*recipient.conversation)
        message_id = f"<n.{delivery_id.hex}@{identity.domain}>"
        headers = NotificationHeaders(
            sender_name=variant.sender_name,
            sender=identity.address,
            reader_name=recipient.name,
            reader=address,
            reply_to=shared.reply_to,
            unsubscribe=shared.unsubscribe,
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
        sealed = sealed_mail.seal(self._keyring, mail, seal_name(delivery_id))
        reply_generation = recipient.generation if shared.reply_to else None
        return NewMail(
            delivery_id, notification, address, message_id, sealed, shared.seqs, shared.edited_at, reply_generation
        )

    def _references(self, recipient: Recipient, address: str) -> tuple[str, ...]:
        """References of the mail: the thread's root, our last mail, and the reader's own reply, if newer."""
        root = f"<c.{label(*recipient.conversation, recipient.user_id, address)}@{self._identity.domain}>"
        earlier = (root, self._batch.last_mail(recipient, address), self._batch.last_answer(recipient))
        return tuple(filter(None, earlier))

    def _inbound(self, recipient: Recipient, purpose: Purpose) -> str:
        local, row = addresses.made(self._keyring, recipient, purpose)
        self.issued.append(row)
        return f"{local}@{self._identity.domain}"
