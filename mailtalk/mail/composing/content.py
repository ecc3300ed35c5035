"""Content of a notification, and the variables of its templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mailtalk.mail import truncation
from mailtalk.mail.composing import colours, formatting, headers, spans
from mailtalk.mail.composing.link_slots import LINKS, slot
from mailtalk.mail.composing.style import Style
from mailtalk.mail.composing.texts import Language
from mailtalk.mail.replies.marker import QUOTE_CLASS

CUT = 16_000  # bytes of one message
TOGETHER = timedelta(minutes=5)  # messages of one sender within it stand below one name
ANSWERED = 200  # characters of the message that is answered
NAME = 40  # characters of a reader's name
SHOWN_WIDTH, SHOWN_HEIGHT = 420, 320  # pixels of a thumbnail
GIST = 90  # characters of the first message, shown in inboxes beside the subject


@dataclass(frozen=True, slots=True)
class ThumbnailLink:
    """Thumbnail of a picture: URL, and its size in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file of a message: name, URL, size in bytes if known, and thumbnail of a picture."""

    name: str
    url: str
    size: int | None = None
    thumbnail: ThumbnailLink | None = None


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """Message in a notification; `named` holds the users whom a plain @Name may mention, as (id, name).

    `author` tells senders of equal names apart.
    """

    sender: str
    text: str
    at: datetime
    attachments: tuple[FileLink, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    author: str = ""
    photo: str | None = None  # URL

    @property
    def who(self) -> tuple[str, str]:
        """Identity of the sender."""
        return self.author, self.sender


@dataclass(frozen=True, slots=True)
class NotificationContent:
    """Content of a notification; equal contents give equal bodies for all readers.

    `reader_id` is set only if a line mentions the reader; `links` names the links available to the reader; `answered`
    is the reader's own message right before the lines; `readers` are others to whom a reply goes, and `more_readers`
    the number of the rest. With privacy there are no lines, only their `count`.
    """

    app: str
    subject: str | None
    lines: tuple[ShownMessage, ...]
    count: int
    may_reply: bool
    style: Style
    language: Language
    reader_id: str | None = None
    links: frozenset[str] = frozenset(LINKS)
    answered: ShownMessage | None = None
    readers: tuple[str, ...] = ()
    more_readers: int = 0


def view(content: NotificationContent, *, cut: int = CUT) -> dict[str, Any]:
    """Template variables."""
    say, app = content.language.say, headers.clean(content.app, headers.NAME_LIMIT)
    subject = headers.clean(content.subject or "", headers.SUBJECT_LIMIT)
    private = content.style.privacy
    pairs = zip(content.lines, (None, *content.lines), strict=False)
    lines = [_line(content, line, cut) | _place(content.language, line, last) for line, last in pairs]
    new = content.language.count("new", content.count, app=app)
    return {
        "app": app,
        "subject": say("subject", app=app) if private or not subject else subject,
        "language": str(content.language.locale).replace("_", "-"),
        "private": private,
        "may_reply": content.may_reply,
        "marker": say("marker") if content.may_reply else None,
        "messages": lines,
        "answered": _answered(content),
        "readers": _readers(content),
        "gist": _gist(lines) or new,
        "new": new,
        "earlier": _earlier(content),
        "links": {name: slot(name) if name in content.links else None for name in LINKS},
        "logo": content.style.logo,
        "footer": content.style.footer,
        "colours": content.style.palette,
        "quote_class": QUOTE_CLASS,
        "texts": _texts(content, app, subject),
    }


def _texts(content: NotificationContent, app: str, subject: str) -> dict[str, str]:
    """Fixed texts in the reader's language."""
    say = content.language.say
    why = "why_private" if content.style.privacy or not subject else "why"
    return {
        "how": say("reply" if content.may_reply else "read_only", app=app),
        "why": say(why, app=app, subject=subject),
        **{key: say(key, app=app) for key in ("open", "cut", "settings", "unsubscribe", "mentions_you")},
    }


def _answered(content: NotificationContent) -> dict[str, str] | None:
    """The reader's own message, in one short line."""
    own, first = content.answered, next(iter(content.lines), None)
    if own is None or first is None:
        return None
    words = "".join(span.text for span in spans.of(spans.clean(own.text[: 40 * ANSWERED]), None, dict(own.named)))
    said = " ".join(words.split()) or ", ".join(file.name for file in own.attachments)
    day, time = content.language.day(own.at), content.language.time(own.at)
    when = time if day == content.language.day(first.at) else f"{day} · {time}"
    label = content.language.say("you_wrote")
    return {"label": label, "when": when, "text": truncation.cut(spans.clean(said), ANSWERED)} if said else None


def _readers(content: NotificationContent) -> str | None:
    """The line that says to whom a reply goes."""
    language, names = content.language, [headers.name(name, NAME) for name in content.readers]
    if not all(names) or not names:
        return None
    if content.more_readers:
        return language.count("readers_more", content.more_readers, names=language.listed(names, ends=False))
    return language.say("readers", names=language.listed(names))


def _line(content: NotificationContent, line: ShownMessage, cut: int) -> dict[str, Any]:
    text = spans.clean(line.text)
    kept = truncation.cut_bytes(text, cut, dict(line.named))
    parts = spans.of(kept, content.reader_id, dict(line.named))
    return {
        "sender": line.sender,
        "initial": truncation.first(line.sender).upper(),
        "hue": colours.hue(repr(line.who)),
        "photo": line.photo,
        "text": "".join(span.text for span in parts),
        "spans": parts,
        "rows": formatting.rows(parts),
        "mentions_you": any(span.kind == "you" for span in parts),
        "attachments": [_attachment(content, each) for each in line.attachments],
        "cut": len(kept) < len(text),
    }


def _place(language: Language, line: ShownMessage, last: ShownMessage | None) -> dict[str, Any]:
    """When it was sent: the day if it is the first of it, and whether it goes on where its sender left off."""
    day = language.day(line.at)
    same_day = last is not None and language.day(last.at) == day
    soon = last is not None and last.who == line.who and line.at - last.at < TOGETHER
    return {"time": language.time(line.at), "day": None if same_day else day, "continues": same_day and soon}


def _attachment(content: NotificationContent, found: FileLink) -> Mapping[str, Any]:
    size = None if found.size is None else content.language.size(found.size)
    thumbnail = _thumbnail(found.thumbnail) if found.thumbnail else None
    return {"name": headers.clean(found.name, 150), "url": found.url, "size": size, "thumbnail": thumbnail}


def _thumbnail(small: ThumbnailLink) -> dict[str, Any]:
    """A thumbnail as large as it is shown: sharp on screens with two pixels for one."""
    scale = min(1, SHOWN_WIDTH / small.width, SHOWN_HEIGHT / small.height)
    width, height = (max(1, round(side * scale)) for side in (small.width, small.height))
    return {"url": small.url, "width": width, "height": height}


def _gist(lines: list[dict[str, Any]]) -> str:
    return truncation.cut(" ".join(lines[0]["text"][: 40 * GIST].split()), GIST) if lines else ""


def _earlier(content: NotificationContent) -> str | None:
    hidden = 0 if content.style.privacy else content.count - len(content.lines)
    return content.language.count("earlier", hidden, app=content.app) if hidden else None
