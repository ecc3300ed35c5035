"""MIME parts with slots for each reader's links, so that all readers share the encoded rest."""

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

LINKS = ("conversation", "settings", "unsubscribe")
_SLOT = re.compile(r"\x02([a-z]+)\x03")  # text from others contains no control characters
_BROKEN = re.compile(r"[\x02\x03]")


class BrokenSlot(Exception):
    """A template altered a link placeholder, for example with a filter."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Position of a link in an encoded part."""

    link: str
    html: bool


Pieces: TypeAlias = tuple[bytes | Slot, ...]


def slot(link: str) -> str:
    """Placeholder of a link in templates."""
    return f"\x02{link}\x03"


def part(text: str, *, html: bool) -> Pieces:
    """One MIME part with its headers, quoted-printable."""
    kind = "html" if html else "plain"
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return (head.encode(), *_cut(text, html=html), b"\r\n")


def filled(pieces: Pieces, links: Mapping[str, str | None]) -> bytes:
    """Bytes with one reader's links filled in."""
    values = {slot: _value(links.get(slot.link), html=slot.html) for slot in pieces if isinstance(slot, Slot)}
    return b"".join([values[piece] if isinstance(piece, Slot) else piece for piece in pieces])


def merged(*pieces: bytes | Slot) -> Pieces:
    """Merge adjacent bytes into one piece."""
    merged: list[bytes | Slot] = []
    for piece in pieces:
        if merged and isinstance(piece, bytes) and isinstance(merged[-1], bytes):
            merged[-1] += piece
        else:
            merged.append(piece)
    return tuple(merged)


def size(pieces: Pieces) -> int:
    """Size in bytes, without the links."""
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
