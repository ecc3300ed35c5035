"""Bodies: what the letters of a batch say, put together from rows; equal for all readers who see the same."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import unquote, urlsplit

from mailtalk.files import Links
from mailtalk.mail.composing import headers, spans, style
from mailtalk.mail.composing.content import FileLink, NotificationContent, ShownMessage
from mailtalk.models import Message
from mailtalk.notifications.batch import Due, Shared
from mailtalk.vocabulary import Origin


class Bodies:
    """The bodies of one batch."""

    def __init__(self, shared: Shared, files: Links, now: datetime) -> None:
        self._shared, self._files, self._now = shared, files, now
        self._lines: dict[tuple[str, str, int], ShownMessage] = {}

    def content(self, due: Due, wanted: Sequence[Message], *, may_reply: bool) -> NotificationContent:
        """What this reader is told; equal for all who see the same."""
        app = style.of(due.app.style)
        lines = () if app.privacy else tuple(self._line(message) for message in wanted)
        mentioned = not app.privacy and any(due.user.id in message.mentions for message in wanted)
        return NotificationContent(
            app=app.name or due.app.name,
            subject=due.conversation.subject,
            lines=lines,
            count=len(wanted),
            may_reply=may_reply,
            style=app,
            language=app.speaks(due.user.locale, due.user.time_zone),
            reader_id=due.user.id if mentioned else None,
            links=frozenset({"settings", "unsubscribe"} | ({"conversation"} if app.link else set())),
        )

    def _line(self, message: Message) -> ShownMessage:
        key = (message.app_id, message.conversation_id, message.seq)
        if key not in self._lines:
            self._lines[key] = ShownMessage(
                headers.name(self._shared.sender_name(message)),
                _text(message),
                message.created_at,
                tuple(self._attachments(message)),
                tuple(self._named(message)),
            )
        return self._lines[key]

    def _attachments(self, message: Message) -> Sequence[FileLink]:
        file = self._files.shown(message.app_id, message.attachment, self._now)
        if file is None or urlsplit(file["url"]).scheme not in {"http", "https"}:
            return ()
        name = (message.attachment or {}).get("name") or unquote(urlsplit(file["url"]).path.rpartition("/")[2])
        return [FileLink(name or file["url"], file["url"], file.get("size"))]

    def _named(self, message: Message) -> Sequence[tuple[str, str]]:
        """Whom a mail mentions by a plain @Name, in lower case."""
        if message.origin != Origin.EMAIL:
            return ()
        names = {user_id: self._shared.name(message.app_id, user_id) for user_id in message.mentions}
        return [(name.lower(), user_id) for user_id, name in names.items() if name]


def _text(message: Message) -> str:
    place = ",".join(map(str, message.location)) if message.location else None
    named = message.attachment is not None and message.text == message.attachment.get("name")  # a file's own message
    said = "" if named else spans.clean(message.text)
    return "\n".join(filter(None, (said, place and f"geo:{place}")))
