"""Mails of notifications as final bytes: content shared by many readers, plus each reader's headers and links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from mailtalk import sealed_mail
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.mail.address import AddressScheme
from mailtalk.mail.composing import compose, digest, dkim
from mailtalk.mail.composing.compose import RenderedBody
from mailtalk.mail.composing.digest import DigestSection
from mailtalk.mail.composing.headers import NotificationHeaders, label
from mailtalk.mail.composing.link_slots import filled
from mailtalk.notifications.batch import Batch, Heading
from mailtalk.notifications.content import Contents, Variant
from mailtalk.notifications.due import DueNotification, Recipient
from mailtalk.notifications.settle import ranges
from mailtalk.notifications.store import NewMail, Section
from mailtalk.outbound.deliveries import seal_name
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.participation import addresses, digests, links
from mailtalk.participation.addresses import AddressOwner
from mailtalk.vocabulary import DeliveryKind, Purpose


@dataclass(frozen=True, slots=True)
class MailIdentity:
    """Origin of our mails: sender address, domain of inbound addresses, base URL of links, signer, and the cap."""

    address: str
    domain: str
    base_url: str = "http://127.0.0.1:8000"
    file_url_seconds: float = 604_800
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable
    mails_per_hour: int = 0  # notifications of one user; 0: any
    mailbox: str = ""  # of all inbound addresses; empty: each has its own
    photos: bool = False  # shown in mails

    def links(self, keyring: Keyring) -> Links:
        """Links in our mails to files and photos."""
        return Links(keyring, self.base_url, self.file_url_seconds, self.photos)


class _Shared(NamedTuple):
    """Parts that the mails of one notification share."""

    variant: Variant
    reply_to: str | None
    unsubscribe: str
    links: dict[str, str | None]
    section: Section


class Part(NamedTuple):
    """Notification to be mailed, with its messages."""

    notification: DueNotification
    wanted: Sequence[Heading]


class MailMaker:
    """Maker of one batch's mails; shared content is rendered once. `issued`: rows of the addresses in the mails."""

    def __init__(self, batch: Batch, keyring: Keyring, identity: MailIdentity, now: datetime) -> None:
        self._batch, self._keyring, self._identity, self._now = batch, keyring, identity, now
        self._contents = Contents(batch, identity.links(keyring), now)
        self.issued: list[dict[str, Any]] = []

    def mails(self, parts: Sequence[Part], mailboxes: Sequence[str]) -> list[NewMail]:
        """One mail about these notifications of a reader to each of these addresses; a digest if there are several."""
        if len(parts) > 1:
            return self._digests(parts, mailboxes)
        shared = self._shared(parts[0])
        return [self._notification(address, shared) for address in mailboxes]

    def _shared(self, part: Part) -> _Shared:
        recipient = part.notification.recipient
        may_reply = addresses.serves(recipient, Purpose.REPLY)
        variant = self._contents.variant(recipient, part.wanted, may_reply=may_reply)
        token = links.token(self._keyring, recipient.id)
        ways: dict[str, str | None] = {
            "conversation": variant.style.link_for(recipient.conversation_id, recipient.user_id),
            "settings": f"{self._identity.base_url}{links.SETTINGS}{token}",
            "unsubscribe": f"{self._identity.base_url}{links.UNSUBSCRIBE}{token}",
        }
        reply_to = self._inbound(recipient, Purpose.REPLY) if may_reply else None
        return _Shared(variant, reply_to, self._inbound(recipient, Purpose.UNSUBSCRIBE), ways, self._section(part))

    def _section(self, part: Part) -> Section:
        recipient = part.notification.recipient
        edits = [message.edited_at for message in self._batch.shown(part.wanted) if message.edited_at]
        generation = recipient.generation if addresses.serves(recipient, Purpose.REPLY) else None
        return Section(part.notification, ranges(part.wanted), max(edits, default=None), generation)

    def _notification(self, address: str, shared: _Shared) -> NewMail:
        recipient, delivery_id = shared.section.notification.recipient, uuid4()
        variant, thread = shared.variant, label(*recipient.conversation)
        headers = NotificationHeaders(
            sender_name=variant.sender_name,
            sender=self._identity.address,
            reader_name=recipient.name,
            reader=address,
            reply_to=shared.reply_to,
            unsubscribe=shared.unsubscribe,
            message_id=self._message_id(delivery_id),
            references=self._references(recipient, address),
            thread=thread,
            feedback=f"{thread[:12]}:{label(recipient.app_id)[:12]}:notification:mailtalk",
            domain=self._identity.domain,
            at=self._now,
            links=shared.links,
        )
        relaxed = filled(variant.relaxed, shared.links) if self._identity.signer.signers else b""
        sealed = self._sealed(headers, variant.body, relaxed, delivery_id)
        return NewMail(delivery_id, DeliveryKind.NOTIFICATION, address, headers.message_id, sealed, [shared.section])

    def _digests(self, parts: Sequence[Part], mailboxes: Sequence[str]) -> list[NewMail]:
        contents = [self._digest_section(part) for part in parts]
        sections = [self._section(part) for part in parts]
        return [self._digest(address, contents, sections) for address in mailboxes]

    def _digest_section(self, part: Part) -> DigestSection:
        recipient = part.notification.recipient
        may_reply = addresses.serves(recipient, Purpose.REPLY)
        content = self._contents.content(recipient, part.wanted, may_reply=may_reply)
        return DigestSection(
            content,
            self._inbound(recipient, Purpose.REPLY) if may_reply else None,
            content.style.link_for(recipient.conversation_id, recipient.user_id),
            f"{self._identity.base_url}{links.SETTINGS}{links.token(self._keyring, recipient.id)}",
        )

    def _digest(self, address: str, contents: Sequence[DigestSection], sections: Sequence[Section]) -> NewMail:
        recipient, delivery_id = sections[0].notification.recipient, uuid4()
        thread = label(recipient.app_id, "digest", recipient.user_id)
        unsubscribe = digests.unsubscribe(self._keyring, self._identity.base_url, delivery_id)
        may_reply = any(section.reply for section in contents)
        owner = digests.DigestOwner(recipient.app_id, delivery_id)
        headers = NotificationHeaders(
            sender_name=digest.sender(contents),
            sender=self._identity.address,
            reader_name=recipient.name,
            reader=address,
            reply_to=self._inbound(owner, Purpose.DIGEST) if may_reply else None,
            unsubscribe=None,
            message_id=self._message_id(delivery_id),
            references=(),
            thread=thread,
            feedback=f"{thread[:12]}:{label(recipient.app_id)[:12]}:digest:mailtalk",
            domain=self._identity.domain,
            at=self._now,
            links={"unsubscribe": unsubscribe},
        )
        body = digest.body(contents, unsubscribe)
        relaxed = filled(dkim.relaxed(body.parts), {}) if self._identity.signer.signers else b""
        sealed = self._sealed(headers, body, relaxed, delivery_id)
        return NewMail(delivery_id, DeliveryKind.DIGEST, address, headers.message_id, sealed, sections)

    def _sealed(self, headers: NotificationHeaders, body: RenderedBody, relaxed: bytes, delivery_id: UUID) -> bytes:
        head = compose.head(headers, body)
        mail = self._identity.signer.added(head, relaxed, delivery_id) + head + filled(body.parts, headers.links)
        return sealed_mail.seal(self._keyring, mail, seal_name(delivery_id))

    def _message_id(self, delivery_id: UUID) -> str:
        return f"<n.{delivery_id.hex}@{self._identity.domain}>"

    def _references(self, recipient: Recipient, address: str) -> tuple[str, ...]:
        """References of the mail: the thread's root, our last mail, and the reader's own reply, if newer."""
        root = f"<c.{label(*recipient.conversation, recipient.user_id, address)}@{self._identity.domain}>"
        earlier = (root, self._batch.last_mail(recipient, address), self._batch.last_answer(recipient))
        return tuple(filter(None, earlier))

    def _inbound(self, owner: AddressOwner, purpose: Purpose) -> str:
        local, row = addresses.made(self._keyring, owner, purpose)
        self.issued.append(row)
        return AddressScheme(self._identity.domain, self._identity.mailbox).address(local)
