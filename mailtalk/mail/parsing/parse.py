"""The parser's entry point: raw bytes to ParsedMail (headers, text, HTML, attachments)."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from mailtalk.mail.parsing import calendars, charsets, filenames, flowed, headers, limits, mime
from mailtalk.mail.parsing.body import BodyParts, choose
from mailtalk.mail.parsing.calendars import Invitation

_ID_LENGTH = 500
_ID = re.compile(r"<[^<>]+>?")
_REACTION = "text/vnd.google.email-reaction+json"
_EMOJI = 30  # characters of the longest
_ARMOUR = re.compile(r"^-----BEGIN PGP MESSAGE-----", re.MULTILINE)
_FLOWED_LENGTH = 2_000_000  # longer texts are not replies, and would cost too much time


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture made small: JPEG, or PNG if it is transparent; its size in pixels."""

    content_type: str
    content: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class MailAttachment:
    """A file; an `inline` one is shown in the HTML by its `content_id` (without <>)."""

    name: str
    content_type: str
    content: bytes
    content_id: str | None
    inline: bool
    withheld: bool = False  # it contained a secret of ours, so its content was removed
    thumbnail: Thumbnail | None = None


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A parsed mail; `text` and `html` are two forms of the same content, either may be None."""

    headers: tuple[tuple[str, str], ...]
    message_id: str | None
    from_addresses: tuple[str, ...]
    subject: str
    text: str | None
    html: str | None
    attachments: tuple[MailAttachment, ...]
    invitation: Invitation | None = None
    encrypted: bool = False

    def header(self, name: str) -> str | None:
        """The first field of this name, decoded, or None."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Every field of this name, decoded, in order."""
        return [value for key, value in self.headers if key == name.lower()]


def parse(raw: bytes, bounds: limits.Limits = limits.DEFAULT) -> ParsedMail:
    """Parse a mail; raises LimitExceeded and nothing else, for any input."""
    limits.check(raw, bounds)
    root = mime.read(raw, bounds)
    body = choose(root)
    emoji = _reaction(root)
    text = emoji or _text(body)
    html = None if emoji else _html(body)
    return ParsedMail(
        headers=tuple((name, headers.text(value)) for name, value in root.fields),
        message_id=_message_id(root.first("message-id")),
        from_addresses=_from(root),
        subject=headers.text(root.first("subject")),
        text=text,
        html=html,
        attachments=() if emoji else tuple(_attachments(body)),
        invitation=next(filter(None, map(_invitation, body.attachments)), None),
        encrypted=any(part.encrypted for part in root.walk()) or bool(_ARMOUR.search(text or html or "")),
    )


def _reaction(root: mime.MimePart) -> str | None:
    """Emoji of a reaction that Gmail sends as a mail."""
    part = next((part for part in root.walk() if part.content_type == _REACTION), None)
    try:
        emoji = msgspec.json.decode(part.content(), type=dict[str, Any]).get("emoji") if part else None
    except msgspec.DecodeError:
        return None
    return emoji if isinstance(emoji, str) and 0 < len(emoji) <= _EMOJI and not emoji.isascii() else None


def _invitation(part: mime.MimePart) -> Invitation | None:
    return calendars.read(part.content()) if part.content_type in calendars.TYPES else None


def _message_id(value: str) -> str | None:
    """The first <…>, or the bare value in brackets."""
    value = "".join(headers.clean(value).split())
    found = _ID.search(value)
    return (found[0] if found else f"<{value}>")[:_ID_LENGTH] if value else None


def _from(root: mime.MimePart) -> tuple[str, ...]:
    return tuple(address for name, value in root.fields if name == "from" for address in headers.addresses(value))


def _text(body: BodyParts) -> str | None:
    """Plain text; None if it is blank, or only an addition to the HTML, which is then the fuller form."""
    words = [(part.content_type, _decoded(part)) for part in body.text]
    main = next((kind for kind, text in words if text.strip()), None)
    if main == "text/html" or (main is None and _has_html(body)):
        return None
    plain = [text for kind, text in words if kind == "text/plain"]
    return "\n".join(plain) if plain else None


def _has_html(body: BodyParts) -> bool:
    return any(part.content_type == "text/html" for part in body.html)


def _html(body: BodyParts) -> str | None:
    """The HTML; plain parts between HTML parts are included as <pre>, as mail clients show them."""
    if not _has_html(body):
        return None
    return "\n".join(_as_html(part) for part in body.html)


def _as_html(part: mime.MimePart) -> str:
    text = _decoded(part)
    if part.content_type == "text/html" or not text.strip():
        return text
    return f"<pre>{html.escape(text)}</pre>"


def _decoded(part: mime.MimePart) -> str:
    data = part.content()
    charset = part.parameters.get("charset")
    if part.content_type == "text/html":
        charset = charset or charsets.of_html(data)
    text = charsets.decode(data, charset).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return _unflowed(text, part.parameters) if part.content_type == "text/plain" else text


def _unflowed(text: str, parameters: dict[str, str]) -> str:
    if parameters.get("format", "").lower() != "flowed" or len(text) > _FLOWED_LENGTH:
        return text
    return flowed.unflow(text, delete_space=parameters.get("delsp", "").lower() == "yes")


def _attachments(body: BodyParts) -> Iterator[MailAttachment]:
    """Files of the mail; a calendar that is included twice, as iMIP recommends, counts once."""
    seen: set[str] = set()
    for file in sorted(map(_attachment, body.attachments), key=lambda file: file.name == calendars.FILE_NAME):
        lines = "".join(file.content.decode("latin-1").split()) if file.content_type in calendars.TYPES else ""
        if not lines or lines not in seen:
            yield file
        seen.add(lines)


def _attachment(part: mime.MimePart) -> MailAttachment:
    content_id = headers.clean(part.first("content-id")).strip("<> ")[:_ID_LENGTH]
    return MailAttachment(
        name=filenames.safe(part.filename() or _default_name(part), part.content_type),
        content_type=part.content_type,
        content=part.content(),
        content_id=content_id or None,
        inline=part.disposition == "inline" or bool(content_id and part.disposition != "attachment"),
    )


def _default_name(part: mime.MimePart) -> str:
    return calendars.FILE_NAME if part.content_type in calendars.TYPES else ""
