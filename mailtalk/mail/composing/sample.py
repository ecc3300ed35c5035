"""Sample contents: one of each kind of notification, to check and preview styles."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

from mailtalk.mail.composing.content import FileLink, NotificationContent, ShownMessage, ThumbnailLink
from mailtalk.mail.composing.style import Style

APP = "Acme"
AT = datetime(2026, 5, 4, 14, 5, tzinfo=UTC)
READER = "bob"
_SAID = (
    (
        "Alice Moreau",
        "Shall we take the **larger room** on Thursday?\n\n- It has a window to the yard.\n- The smaller one is free.",
    ),
    ("Chidi Okafor", "I can bring the drawings. The plan is at https://plans.example/kitchen?floor=2, page 3."),
)
_MENTION = ("Alice Moreau", "<!!mention:bob|Bob>, could you ask <!!mention:carol|Carol> for the keys?")
LINKS: Mapping[str, str | None] = MappingProxyType(
    {
        "conversation": "https://app.example/c/kitchen",
        "settings": "https://mail.example/settings/sample",
        "unsubscribe": "https://mail.example/unsubscribe/sample",
    }
)


def contents(style: Style, locale: str | None = None, time_zone: str | None = None) -> dict[str, NotificationContent]:
    """Sample contents by name: reply, mention, files, many, long, read-only, private."""
    plain = _content(style, locale, time_zone)
    lines = plain.lines
    mention = replace(plain, lines=(*lines[:1], _line(3, *_MENTION)), reader_id=READER)
    files = replace(lines[1], attachments=_FILES)
    many = tuple(_line(n, *_SAID[n % 2]) for n in range(60))
    return {
        "reply": plain,
        "mention": mention,
        "files": replace(plain, lines=(lines[0], files)),
        "many": replace(plain, lines=many, count=len(many)),
        "long": replace(plain, lines=(_line(0, "Alice Moreau", "and so on " * 3_000),), count=1),
        "read-only": replace(plain, may_reply=False, readers=(), more_readers=0),
        "private": replace(
            plain, lines=(), count=3, style=replace(style, privacy=True), answered=None, readers=(), more_readers=0
        ),
    }


def _content(style: Style, locale: str | None, time_zone: str | None) -> NotificationContent:
    lines = tuple(_line(n, *said) for n, said in enumerate(_SAID))
    links = frozenset(name for name in LINKS if name != "conversation" or style.link)
    name = style.name or APP
    language = style.speaks(locale, time_zone)
    readers = ("Alice Moreau", "Chidi Okafor")
    return NotificationContent(
        name, "Kitchen", lines, len(lines), True, style, language, None, links, _ANSWERED, readers, 3
    )


def _line(number: int, sender: str, text: str) -> ShownMessage:
    return ShownMessage(sender, text, AT + timedelta(minutes=4 * number), photo=_FACES.get(sender))


_ANSWERED = ShownMessage("Bob", "Which room do we take?", AT - timedelta(minutes=20))
_PICTURE = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 6 4"><path fill="#bcd6ee" d="M0 0h6v4H0z"/>'
    '<path fill="#7a9a5b" d="M0 3h6v1H0z"/><path fill="#b4552d" d="M2 2l1-1 1 1v1H2z"/></svg>'
)
_FACES = {
    "Chidi Okafor": "data:image/svg+xml,"
    + quote(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="#e8c9a0" d="M0 0h8v8H0z"/>'
        '<circle cx="4" cy="3" r="1.6" fill="#5b4636"/><circle cx="4" cy="8" r="3" fill="#5b4636"/></svg>'
    )
}
_FILES = (
    FileLink("Plan of the kitchen.pdf", "https://files.example/1", 1_240_000),
    FileLink("yard.jpg", "https://files.example/2", 348_000, ThumbnailLink(_PICTURE, 600, 400)),
)
