"""Contents of a batch's mails, composed from rows and rendered once for all readers with equal content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit

from mailtalk.files import Links
from mailtalk.mail.composing import compose, dkim, headers, spans, style
from mailtalk.mail.composing.compose import LINES, RenderedBody
from mailtalk.mail.composing.content import FileLink, NotificationContent, ShownMessage, ThumbnailLink
from mailtalk.mail.composing.link_slots import Pieces
from mailtalk.mail.composing.style import Style
from mailtalk.models import Message
from mailtalk.notifications.batch import Batch, Heading
from mailtalk.notifications.due import Recipient
from mailtalk.vocabulary import Origin


@dataclass(frozen=True, slots=True)
class Variant:
    """Shared parts of the mails of all readers with equal content."""

    sender_name: str
    style: Style
    body: RenderedBody
    relaxed: Pieces  # body in DKIM's relaxed form


class Contents:
    """Contents of one batch."""

    def __init__(self, batch: Batch, files: Links, now: datetime) -> None:
        self._batch, self._files, self._now = batch, files, now
        self._messages: dict[tuple[str, str, int], ShownMessage] = {}
        self._variants: dict[tuple[object, ...], Variant] = {}

    def variant(self, recipient: Recipient, wanted: Sequence[Heading], *, may_reply: bool) -> Variant:
        """Variant for this reader."""
        seqs = (len(wanted), *(heading.seq for heading in wanted[-LINES:]))
        mentioned = recipient.user_id if _mentions(recipient, wanted) else None
        own, readers = self._batch.answered(recipient), self._batch.readers(recipient)
        shared = (recipient.conversation, seqs, may_reply, recipient.locale, recipient.time_zone, mentioned)
        key = (*shared, own.seq if own else None, readers)
        if key not in self._variants:
            content = self.content(recipient, wanted, may_reply=may_reply)
            names = self._batch.sender_names(wanted)
            body = compose.body(content)
            relaxed = dkim.relaxed(body.parts)
            self._variants[key] = Variant(compose.sender(content, names), content.style, body, relaxed)
        return self._variants[key]

    def content(self, recipient: Recipient, wanted: Sequence[Heading], *, may_reply: bool) -> NotificationContent:
        """Content for this reader; equal for all who see the same."""
        app, conversation = self._batch.apps[recipient.app_id], self._batch.conversations[recipient.conversation]
        look = style.of(app.style)
        readers, rest = self._batch.readers(recipient) if may_reply and not look.privacy else ((), 0)
        own = None if look.privacy else self._batch.answered(recipient)
        return NotificationContent(
            app=look.name or app.name,
            subject=conversation.subject,
            lines=() if look.privacy else tuple(self._shown(message) for message in self._batch.shown(wanted)),
            count=len(wanted),
            may_reply=may_reply,
            style=look,
            language=look.speaks(recipient.locale, recipient.time_zone),
            reader_id=recipient.user_id if _mentions(recipient, wanted) and not look.privacy else None,
            links=frozenset({"settings", "unsubscribe"} | ({"conversation"} if look.link else set())),
            answered=self._shown(own) if own else None,
            readers=readers,
            more_readers=rest,
        )

    def _shown(self, message: Message) -> ShownMessage:
        key = (message.app_id, message.conversation_id, message.seq)
        if key not in self._messages:
            self._messages[key] = ShownMessage(
                headers.name(self._batch.sender_name(message)),
                _text(message),
                message.created_at,
                tuple(self._attachments(message)),
                tuple(self._named(message)),
                message.sender_id or "",
                self._photo(message),
            )
        return self._messages[key]

    def _attachments(self, message: Message) -> Sequence[FileLink]:
        file = self._files.shown(message.app_id, message.attachment, self._now)
        if file is None or urlsplit(file["url"]).scheme not in {"http", "https"}:
            return ()
        name = (message.attachment or {}).get("name") or unquote(urlsplit(file["url"]).path.rpartition("/")[2])
        return [FileLink(name or file["url"], file["url"], file.get("size"), self._thumbnail(message))]

    def _photo(self, message: Message) -> str | None:
        has_photo = self._batch.has_photo(message)
        return self._files.photo(message.app_id, message.sender_id or "") if has_photo else None

    def _thumbnail(self, message: Message) -> ThumbnailLink | None:
        url = self._files.thumbnail(message.app_id, message.attachment, self._now)
        about = (message.attachment or {}).get("thumbnail")
        return ThumbnailLink(url, about["width"], about["height"]) if url and about else None

    def _named(self, message: Message) -> Sequence[tuple[str, str]]:
        """Users mentioned in a message from mail, as (id, name)."""
        if message.origin != Origin.EMAIL:
            return ()
        names = {user_id: self._batch.name(message.app_id, user_id) for user_id in message.mentions}
        return list(names.items())


def _mentions(recipient: Recipient, messages: Sequence[Heading]) -> bool:
    return any(recipient.user_id in message.mentions for message in messages)


def _text(message: Message) -> str:
    location = ",".join(map(str, message.location)) if message.location else None
    is_file_name = message.attachment is not None and message.text == message.attachment.get("name")
    words = "" if is_file_name else spans.clean(message.text)
    return "\n".join(filter(None, (words, location and f"geo:{location}")))
