"""Parts of a mail as bytes, cut where each reader's own links go: they are put in without encoding the rest again."""

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

LINKS = ("conversation", "settings", "unsubscribe")
_SLOT = re.compile(r"\x02([a-z]+)\x03")  # foreign text holds no control characters
_BROKEN = re.compile(r"[\x02\x03]")


class BrokenSlot(Exception):
    """A template changed the place of a link, so that the link cannot be put there."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a link."""

    link: str
    html: bool


Pieces: TypeAlias = tuple[bytes | Slot, ...]


def slot(link: str) -> str:
    """What a template sees in place of a link."""
    return f"\x02{link}\x03"


def part(text: str, *, html: bool) -> Pieces:
    """One MIME part with its headers, quoted-printable."""
    kind = "html" if html else "plain"
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return (head.encode(), *_cut(text, html=html), b"\r\n")


def filled(pieces: Pieces, links: Mapping[str, str | None]) -> bytes:
    """The bytes, with a reader's links in their places."""
    values = {(name, html): _value(links.get(name), html=html) for name in LINKS for html in (False, True)}
    return b"".join(piece if isinstance(piece, bytes) else values[piece.link, piece.html] for piece in pieces)


def size(pieces: Pieces) -> int:
    """How many bytes there are without the links."""
    return sum(len(piece) for piece in pieces if isinstance(piece, bytes))


def _cut(text: str, *, html: bool) -> Iterator[bytes | Slot]:
    first, *rest = _SLOT.split(text)
    for link in rest[::2]:
        if link not in LINKS:
            raise BrokenSlot("a link must stand as it is")
    if any(_BROKEN.search(piece) for piece in (first, *rest)):
        raise BrokenSlot("a link must stand as it is, without a filter")
    yield _encoded(first)
    for link, after in zip(rest[::2], rest[1::2], strict=True):
        yield b"=\r\n"  # a line end that is none (RFC 2045 6.7), so that no line gets too long
        yield Slot(link, html)
        yield _encoded(after)


def _value(url: str | None, *, html: bool) -> bytes:
    text = escape(url or "") if html else url or ""
    return _encoded(text) + b"=\r\n"


def _encoded(text: str) -> bytes:
    # b2a_qp takes care of lines over 76 characters, of trailing blanks and of "=".
    encoded = b"\r\n".join(binascii.b2a_qp(line.encode(), istext=True) for line in text.split("\n"))
    return encoded.replace(b"=\n", b"=\r\n")
