"""Headers of notifications: safe against injection, and threaded by every mail client."""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256

from mailtalk.mail import truncation

NAME_LIMIT = 100
SUBJECT_LIMIT = 200
REFERENCES = 10  # message ids; longer lists do not help mail clients
WIDTH = 76  # of a line
LINE_LIMIT = 900  # characters of an address in a header, which cannot be folded
NO_REACTIONS = ("x-ms-reactions", "disallow")  # Outlook would send its emoji reactions as mails that quote ours
_AROUND = len("=?utf-8?b??=")
# Characters that change the direction of text; joiners, needed by letters and emoji, stay.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ADDRESS_MARKS = re.compile(r"[<>@\"\\\uff20\ufe6b\uff1c\uff1e]")  # also the full-width ones, which look the same
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:\[\]-]{1,120}@[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:\[\]-]{1,120}>")


@dataclass(frozen=True, slots=True)
class NotificationHeaders:
    """The parts of a notification that differ by reader: header values, and links by name (None if missing)."""

    sender_name: str
    sender: str
    reader_name: str
    reader: str
    reply_to: str | None
    unsubscribe: str | None
    message_id: str
    references: tuple[str, ...]
    thread: str
    feedback: str
    domain: str
    at: datetime
    links: Mapping[str, str | None]


def head(letter: NotificationHeaders, subject: str) -> bytes:
    """The mail's header fields with CRLF line ends, without those of the body."""
    subject = encoded(clean(subject, SUBJECT_LIMIT), len("Thread-Topic: "))
    fields = [
        ("From", _mailbox(letter.sender_name, letter.sender)),
        ("To", _mailbox(letter.reader_name, letter.reader)),
        ("Subject", subject),
        ("Date", format_datetime(letter.at)),
        ("Message-ID", letter.message_id),
        ("In-Reply-To", letter.references[-1] if letter.references else None),
        ("References", "\r\n ".join(letter.references[:1] + letter.references[1:][-REFERENCES:]) or None),
        ("Reply-To", letter.reply_to),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        NO_REACTIONS,
        ("Precedence", "list"),
        ("X-Loop", letter.domain),
        ("List-Id", f"<{letter.thread}.{letter.domain}>"),
        ("List-Archive", _archive(letter.links.get("conversation"))),
        *_unsubscribe(letter),
        ("Feedback-ID", letter.feedback),
        ("Thread-Topic", subject),
        ("Thread-Index", _thread_index(letter.thread)),
        ("MIME-Version", "1.0"),
    ]
    return "".join(f"{name}: {value}\r\n" for name, value in fields if value is not None).encode("ascii")


def clean(text: str, limit: int) -> str:
    """Make text from others safe for a header: one line, no control, bidi or encoded words, at most `limit` long."""
    if not (text.isascii() and text.isprintable()):
        text = _seen(text)
    return truncation.shortened(" ".join(text.replace("=?", "= ?").split()), limit).strip()


def name(text: str, limit: int = NAME_LIMIT) -> str:
    """Make a person's name safe for a header, so that nothing in it looks like an address."""
    return clean(_ADDRESS_MARKS.sub(" ", text), limit)


def message_id(text: str | None) -> str | None:
    """Message-ID of another system if it can be used in a header unchanged, else None."""
    return text if text and _MESSAGE_ID.fullmatch(text) and "=?" not in text else None


def label(*parts: str) -> str:
    """A short stable id for arbitrary text, safe in a Message-ID or List-Id."""
    return sha256("\x1f".join(parts).encode()).hexdigest()[:24]


@lru_cache(maxsize=1024)
def encoded(text: str, offset: int) -> str:
    """RFC 2047 encoded words if needed, folded at 78 characters where words allow it."""
    if not text.isascii():
        return "\r\n ".join(_words(text, offset))
    if offset + len(text) <= WIDTH:
        return text
    return Header(text, "us-ascii", header_name="x" * offset, maxlinelen=WIDTH).encode(linesep="\r\n")


@lru_cache(maxsize=1024)
def _seen(text: str) -> str:
    shown = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return "".join(c for c in shown if c not in _BIDI and unicodedata.category(c) not in {"Cs", "Co"})


def _words(text: str, offset: int) -> Iterator[str]:
    """Split a text between characters into encoded words; `offset` is the length of the header's name."""
    word, room = b"", (WIDTH - offset - _AROUND) // 4 * 3
    for character in text:
        more = character.encode()
        if len(word) + len(more) > room:
            yield f"=?utf-8?b?{b64encode(word).decode()}?="
            word, room = b"", (WIDTH - 1 - _AROUND) // 4 * 3
        word += more
    yield f"=?utf-8?b?{b64encode(word).decode()}?="


def _mailbox(text: str, address: str) -> str:
    shown = name(text)
    if not shown:
        return f"<{address}>"
    quoted = shown if _PLAIN_WORD.fullmatch(shown) else f'"{shown}"'
    return f"{quoted if shown.isascii() else encoded(shown, len('From: '))}\r\n <{address}>"


def _archive(url: str | None) -> str | None:
    return f"<{url}>" if url and len(url) <= LINE_LIMIT else None


def _unsubscribe(letter: NotificationHeaders) -> list[tuple[str, str]]:
    """List-Unsubscribe by link with one-click POST (RFC 8058) and by mail (RFC 2369)."""
    mail = f"<mailto:{letter.unsubscribe}?subject=unsubscribe>" if letter.unsubscribe else None
    url = letter.links.get("unsubscribe")
    if not url:
        return [("List-Unsubscribe", mail)] if mail else []
    both = ("List-Unsubscribe", ",\r\n ".join(filter(None, (f"<{url}>", mail))))
    return [both, ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]


def _thread_index(thread: str) -> str:
    """Outlook's conversation id ([MS-OXOMSG] 2.2.1.3): version, time, and 16 identifying bytes."""
    return b64encode(b"\x01" + bytes(5) + sha256(thread.encode()).digest()[:16]).decode()
