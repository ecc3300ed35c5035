"""Line codes of a whole mail: single lines first, then codes that depend on neighbours."""

import re
from collections import Counter
from collections.abc import Iterator

from mailtalk.mail.replies.quotes import armour, attributions, header_blocks, headings
from mailtalk.mail.replies.quotes.line_kinds import DEPTH, WIDTH, Kind, kind_of
from mailtalk.mail.replies.quotes.locales import fold

_INITIALS = re.compile(r" ?([A-Za-z]{1,3})>+ ?(?![\w.-]*</)")
_INDENTS = ("    ", "\t")  # of code and citations; no client indents a whole header block
_SENTENCE = 40  # a line as long as this may go on below
_WRAPPED = 60  # a quoted line as long as this may have been wrapped by a relay


def split(text: str) -> list[str]:
    """Split a text into lines, attributions on lines of their own; text past the first 2,000 lines stays one piece."""
    lines = armour.without(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n", DEPTH)
    close = [part for line in lines[:DEPTH] for part in attributions.split_shared(line)]
    return close + lines[DEPTH:]


def read(lines: list[str]) -> str:
    """The code of each line; past the first 2,000 only quote prefixes count."""
    letters: list[str] = [kind_of(line) for line in lines[:DEPTH]]
    for code in _fenced(lines[:DEPTH]):
        letters[code.start : code.stop] = Kind.CODE * len(code)
    folded = [fold(line[:WIDTH]) for line in lines[:DEPTH]]
    for block in header_blocks.blocks(folded, letters):
        if not all(line.startswith(_INDENTS) for line in lines[block.start : block.stop]):
            letters[block.start : block.stop] = Kind.HEADER * len(block)
    for span in attributions.find(folded, letters):
        letters[span.start : span.stop] = Kind.ATTRIBUTION * len(span)
    for place in _initialled(lines[:DEPTH], letters):
        letters[place] = Kind.QUOTE
    for place, kind in headings.find(folded, letters):
        letters[place] = kind
    letters += [_far(line) for line in lines[DEPTH:]]
    return _mend(_run_on("".join(letters).replace(Kind.CODE, Kind.TEXT), lines), lines)


def _fenced(lines: list[str]) -> Iterator[range]:
    """Code blocks between two ``` lines, which hold no quotes or signatures."""
    fences = [index for index, line in enumerate(lines) if line.startswith("```")]
    pairs = zip(fences[::2], fences[1::2], strict=False)
    return (range(start, end + 1) for start, end in pairs)


def _initialled(lines: list[str], letters: list[str]) -> list[int]:
    """Lines quoted with initials ("AM> ..."), if at least two have the same, or one is below an attribution."""
    found = [(at, match[1]) for at, line in enumerate(lines) if (match := _INITIALS.match(line))]
    counts = Counter(initials for _, initials in found)
    return [at for at, initials in found if counts[initials] > 1 or _is_introduced(letters, at)]


def _is_introduced(letters: list[str], at: int) -> bool:
    return "".join(letters[max(at - 2, 0) : at]).rstrip(Kind.EMPTY).endswith(Kind.ATTRIBUTION)


def _run_on(letters: str, lines: list[str]) -> str:
    """Undo "sent from Samsung" where it is the second line of a sentence."""
    for found in re.finditer("ts", letters):
        if lines[found.end() - 1][:1].islower() and len(lines[found.start()]) >= _SENTENCE:
            letters = letters[: found.end() - 1] + Kind.TEXT + letters[found.end() :]
    return letters


def _far(line: str) -> str:
    start = line[:WIDTH].lstrip()
    if not start:
        return Kind.TEXT if len(line) > WIDTH else Kind.EMPTY
    return Kind.QUOTE if start[0] == ">" else Kind.TEXT


def _mend(letters: str, lines: list[str]) -> str:
    """Mark the rest of a quoted line as quote where a relay wrapped it."""
    found = letters.find("qtq")
    mended = list(letters)
    while found >= 0:
        if _continues(lines[found][:WIDTH], lines[found + 1][:WIDTH]):
            mended[found + 1] = Kind.QUOTE
        found = letters.find("qtq", found + 1)
    return "".join(mended)


def _continues(quoted: str, rest: str) -> bool:
    """True if a long line continues in lower case, or a link continues."""
    if rest.startswith(("<http", "(http", "http")):
        return True
    if quoted.rfind("http") > max(quoted.rfind(")"), quoted.rfind(">")):
        return " " not in rest.strip() and rest.rstrip().endswith((")", ">"))
    return len(quoted) >= _WRAPPED and rest[:1].islower()
