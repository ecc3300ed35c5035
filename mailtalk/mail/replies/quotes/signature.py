"""Signature detection: the last and most cautious cut; it never removes everything."""

import re

from mailtalk.mail.replies.quotes import sign_off
from mailtalk.mail.replies.quotes.author import Author
from mailtalk.mail.replies.quotes.line_kinds import Kind, kind_of
from mailtalk.mail.replies.quotes.locales import fold

_SEGMENT = re.compile(r"[tedsrgl]+")
_LINES = {Kind.DASHES: 30, Kind.RULE: 12, Kind.DEVICE: 10}  # lines below each that still may be a signature
_CONTACT = re.compile(
    r"\W{0,3}(?:(?:e-?mail|mail|tel|phone|mobile|cell|fax|www|web|m|t|p|f|e|w)\W{1,3})?"
    r"(?:[^\s@]{1,64}@[^\s@]{3,120}|(?:https?://|www\.)\S{3,200}|\+?[\d()][\d\s().\-/]{6,24})\W{0,3}"
)
_NAMED = re.compile(r"-- ?\w.{0,40}$")
_WORD = re.compile(r"\w{2,}")
_CONTACT_LINES = 2  # of them make a paragraph a signature
_PARAGRAPH = 6


def strike(letters: str, lines: list[str], author: Author) -> str:
    """Replace the codes of signatures by GONE, separately between the quotes."""
    for segment in _SEGMENT.finditer(letters):
        start = _start(segment.group(), lines[segment.start() : segment.end()], author)
        shorter = _without(letters, segment.start() + start, segment.end())
        letters = shorter if Kind.TEXT in shorter else letters
    return letters


def _without(letters: str, start: int, end: int) -> str:
    return letters[:start] + Kind.GONE * (end - start) + letters[end:]


def _start(letters: str, lines: list[str], author: Author) -> int:
    """The first line of the signature within one part; the part's length if there is none."""
    delimited = _delimited(letters, lines, author)
    signed = sign_off.start(letters[:delimited], lines[:delimited], author)
    if letters[delimited : delimited + 1] == Kind.TEXT:
        whole = sign_off.start(letters, lines, author)
        signed = signed if _is_named_again(lines, whole, delimited) else min(signed, whole)
    return min(delimited, signed)


def _is_named_again(lines: list[str], signed: int, contact: int) -> bool:
    """True if contact lines begin with the name below the sign-off: they are a card of their own."""
    above = " ".join([line for line in lines[signed:contact] if line.strip()][:2])
    return not {*_WORD.findall(fold(above))}.isdisjoint(_WORD.findall(fold(lines[contact][:300])))


def _delimited(letters: str, lines: list[str], author: Author) -> int:
    """The first line of a signature with a delimiter, a client's words, or contact lines alone."""
    starts = [
        _dashes(letters),
        _named(letters, lines),
        _rule(letters, lines),
        _device(letters),
        _known(letters),
        _contact(letters, lines, author),
    ]
    return min(start for start in starts)


def _dashes(letters: str) -> int:
    """The line of a single "-- "; two of them are drawn by the author."""
    return _bounded(letters, Kind.DASHES) if letters.count(Kind.DASHES) == 1 else len(letters)


def _named(letters: str, lines: list[str]) -> int:
    """A last line like "-- Bob", if no other starts so."""
    named = [index for index, line in enumerate(lines) if _NAMED.match(line[:60])]
    last = len(letters.rstrip("e")) - 1
    return last if named == [last] and last > 0 and letters[last - 1] == Kind.EMPTY else len(letters)


def _device(letters: str) -> int:
    return _bounded(letters, Kind.DEVICE)


def _known(letters: str) -> int:
    """A footer marked by HTML or known by its first words."""
    places = [letters.find(kind) for kind in (Kind.SIGNATURE, Kind.FOOTER)]
    return min((place for place in places if place >= 0), default=len(letters))


def _rule(letters: str, lines: list[str]) -> int:
    """A drawn line: of underscores as lists draw it, of other characters only above an address card."""
    start = _bounded(letters, Kind.RULE)
    if start == len(letters) or lines[start].strip()[0] == "_":
        return start
    below = [line[:300] for line in lines[start + 1 :] if line.strip()]
    framed = below[-1:] and kind_of(below[-1]) == Kind.RULE
    below = below[:-1] if framed else below
    alone = letters.count(Kind.RULE) == 1 + bool(framed) and len(below) <= _PARAGRAPH + 2
    return start if alone and sign_off.is_card(below) else len(letters)


def _bounded(letters: str, kind: Kind) -> int:
    """The first line of a kind with few enough lines below it."""
    start = letters.find(kind)
    below = letters[start:].count(Kind.TEXT)
    return start if start >= 0 and below <= _LINES[kind] else len(letters)


def _contact(letters: str, lines: list[str], author: Author) -> int:
    """A last paragraph of the author's name and at least two lines that are only addresses or numbers."""
    end = len(letters.rstrip("e"))
    start = letters.rfind("e", 0, end) + 1
    paragraph = [fold(line[:300]) for line in lines[start:end]]
    if not 1 < len(paragraph) <= _PARAGRAPH or set(letters[start:end]) != {Kind.TEXT}:
        return len(letters)
    if sign_off.announces(lines[:start]) or (author.is_named and not author.signs(lines[start])):
        return len(letters)
    contacts = sum(bool(_CONTACT.fullmatch(line)) for line in paragraph)
    is_signature = contacts >= _CONTACT_LINES and not _CONTACT.fullmatch(paragraph[0])
    return sign_off.with_farewell(lines, start) if is_signature else len(letters)
