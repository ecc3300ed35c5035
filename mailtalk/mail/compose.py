"""Our mails as bytes: headers that no foreign text can break, and bodies built once for many readers."""

import binascii
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mailtalk.mail.marker import MARKERS, QUOTE_CLASS

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
NAME_LIMIT = 100
SUBJECT_LIMIT = 200
REFERENCES = 10  # message ids; longer lists tell a client nothing more
_PLAIN_WORD = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One message as the mail shows it."""

    sender: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """What the mail says; equal contents give equal bodies, whoever reads them."""

    subject: str
    lines: tuple[Line, ...]
    may_reply: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """All that differs from reader to reader: the headers."""

    sender_name: str
    sender: str
    reader_name: str
    reader: str
    reply_to: str | None
    unsubscribe: str
    message_id: str
    references: tuple[str, ...]
    list_id: str
    at: datetime
    loop_id: str


def body(content: Content) -> bytes:
    """The two parts, text and HTML, with their MIME headers: all of the mail below its own headers."""
    marker = MARKERS[0] if content.may_reply else None
    boundary = f"=_{sha256(repr(content).encode()).hexdigest()[:32]}"
    values = {"content": content, "marker": marker, "quote_class": QUOTE_CLASS}
    parts = [
        _part(kind, TEMPLATES.get_template(f"notification.{suffix}").render(values))
        for kind, suffix in (("plain", "txt"), ("html", "html"))
    ]
    delimiter = f"--{boundary}\r\n".encode()
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode()
    return head + delimiter + delimiter.join(parts) + f"--{boundary}--\r\n".encode()


def mail(letter: Letter, subject: str, rest: bytes) -> bytes:
    """The whole mail, CRLF line ends: `rest` is what `body` gave."""
    fields = [
        ("From", _mailbox(letter.sender_name, letter.sender)),
        ("To", _mailbox(letter.reader_name, letter.reader)),
        ("Subject", _encoded(clean(subject, SUBJECT_LIMIT), len("Subject: "))),
        ("Date", format_datetime(letter.at)),
        ("Message-ID", letter.message_id),
        ("In-Reply-To", letter.references[-1]),
        ("References", "\r\n ".join(letter.references[:1] + letter.references[1:][-REFERENCES:])),
        ("Reply-To", letter.reply_to),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Loop", letter.loop_id),
        ("List-Id", f"<{letter.list_id}>"),
        ("List-Unsubscribe", f"<mailto:{letter.unsubscribe}?subject=unsubscribe>"),
        ("MIME-Version", "1.0"),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields if value is not None)
    return head.encode("ascii") + rest


def clean(text: str, limit: int) -> str:
    """Foreign text for a header: one line, no control or direction characters, and no encoded word of its own."""
    shown = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    shown = "".join(c for c in shown if unicodedata.category(c) not in {"Cf", "Cs", "Co"})
    return " ".join(shown.replace("=?", "= ?").split())[:limit].strip()


def label(*parts: str) -> str:
    """A short stable word for an id that may hold anything, fit for a Message-ID or List-Id."""
    return sha256("\x1f".join(parts).encode()).hexdigest()[:24]


def _mailbox(name: str, address: str) -> str:
    shown = clean(re.sub(r"[<>@\"\\]", " ", name), NAME_LIMIT)
    if not shown:
        return f"<{address}>"
    quoted = shown if _PLAIN_WORD.fullmatch(shown) else f'"{shown}"'
    return f"{quoted if shown.isascii() else _encoded(shown, 10)}\r\n <{address}>"


def _encoded(text: str, offset: int) -> str:
    """RFC 2047 words when needed; folded so that no line passes 78 characters where words allow it."""
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset, header_name="x" * offset, maxlinelen=76).encode(linesep="\r\n")


def _part(kind: str, text: str) -> bytes:
    # b2a_qp takes care of lines over 76 characters, of trailing blanks and of "=".
    lines = b"\r\n".join(binascii.b2a_qp(line.encode(), istext=True) for line in text.splitlines())
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + lines.replace(b"=\n", b"=\r\n") + b"\r\n"
