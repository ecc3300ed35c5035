"""Rules that decide which lines stay, as linear operations over the codes of a mail."""

import re
from dataclasses import dataclass

from mailtalk.mail.replies.quotes import signature
from mailtalk.mail.replies.quotes.author import Author
from mailtalk.mail.replies.quotes.line_kinds import DEPTH, Kind, is_marker

_HARD = re.compile(r"[omhf]|(?<!a)a++(?!e*+q)")
_SPOKEN = frozenset("tsgd")
_BY_HAND = re.compile(r"\A[est]*t[e]?q+(?=e*a+e*q)")  # text quoted before the answered mail has an introduction
_BLOCK = re.compile(r"[aq](?:[aqe]*[aq])?")
_AFTERWORD = 2  # lines of text below a single quote that make it no inline answer


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Knowledge besides the lines.

    `loose`: quotes are sure without an attribution. `covered`: our whole mail was found, so other lines are answers.
    """

    author: Author
    keep_forwards: bool
    whole_forwards: bool  # keep a forwarded mail at least where nothing stands above it
    loose: bool
    covered: bool


def part(letters: str, lines: list[str], known: Knowledge) -> str:
    """Replace the code of each line that the author did not write by GONE."""
    forward = _forward(letters)
    if forward is not None and (known.keep_forwards or (known.whole_forwards and not _SPOKEN & {*letters[:forward]})):
        return letters
    letters = _cut_top(letters)
    letters = _answered_below(letters) if known.covered else _cut_below(letters)
    letters = signature.strike(letters, lines, known.author)
    return _without_markers(_frame(_quotes(letters, loose=known.loose)), lines)


def _forward(letters: str) -> int | None:
    """The begin of a forwarded mail before any quote: the author wants to show it."""
    first = re.search(r"[omhfaq]", letters)
    return first.start() if first is not None and first.group() == Kind.FORWARD else None


def _gone(letters: str, start: int, end: int) -> str:
    return letters[:start] + Kind.GONE * (end - start) + letters[end:]


def _cut_top(letters: str) -> str:
    """Cut headings of quotes without text above; the answer may follow."""
    spoken = next((at for at, letter in enumerate(letters) if letter in "tsgdq"), len(letters))
    top = letters[:spoken]
    if letters[spoken : spoken + 1] == Kind.QUOTE:
        return letters
    return re.sub(r"[^e]", Kind.GONE, top) + letters[spoken:]


def _cut_below(letters: str) -> str:
    """Cut everything from the first unprefixed quote with text above it."""
    for found in _HARD.finditer(letters):
        if _SPOKEN.intersection(letters[: found.start()]):
            return _gone(letters, found.start(), len(letters))
    return letters


def _answered_below(letters: str) -> str:
    """Keep answers between the lines of our mail, and text below it if there is none above."""
    last = letters.rfind(Kind.QUOTE)
    top = next((found.start() for found in re.finditer(r"[omhaq]", letters)), len(letters))
    letters = _gone(letters, last + 1, len(letters)) if _SPOKEN.intersection(letters[:top]) else letters
    return re.sub(rf"(?:{_HARD.pattern})[^q]*", lambda found: Kind.GONE * len(found.group()), letters)


def _quotes(letters: str, *, loose: bool) -> str:
    """Cut quotes at the end, one at the top, and one before a last word; keep inline ones with their answers."""
    letters = _BY_HAND.sub(lambda found: found[0].replace(Kind.QUOTE, Kind.TEXT), letters)
    last = letters.rfind(Kind.TEXT)
    if last < 0:
        return re.sub("[aqe]", Kind.GONE, letters) if loose or Kind.ATTRIBUTION in letters else letters
    letters = letters[: last + 1] + re.sub("[aq]", Kind.GONE, letters[last + 1 :])
    blocks = list(_BLOCK.finditer(letters))
    for block in blocks:
        whole = len(blocks) == 1 and _is_context(letters, block, loose=loose)
        kept = Kind.GONE * len(block.group()) if whole else block.group().replace(Kind.ATTRIBUTION, Kind.GONE)
        letters = letters[: block.start()] + kept + letters[block.end() :]
    return letters


def _without_markers(letters: str, lines: list[str]) -> str:
    """Cut our marker lines within quotes that stay."""
    kept = (at for at, letter in enumerate(letters[:DEPTH]) if letter == Kind.QUOTE and is_marker(lines[at]))
    for at in kept if Kind.TEXT in letters else ():
        letters = _gone(letters, at, at + 1)
    return letters


def _is_context(letters: str, block: re.Match[str], *, loose: bool) -> bool:
    """True for an automatic quote, False for one that the author answers line by line."""
    if not loose and not block.group().startswith(Kind.ATTRIBUTION):
        return False
    above, below = letters[: block.start()], letters[block.end() :]
    return Kind.TEXT not in above or below.count(Kind.TEXT) <= _AFTERWORD


def _frame(letters: str) -> str:
    """Cut drawn lines above cut lines."""
    end = len(letters.rstrip("-e"))
    bare = len(letters[:end].rstrip("erd"))
    return _gone(letters, bare, end) if end < len(letters) and bare else letters
