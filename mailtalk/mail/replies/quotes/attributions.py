"""Attribution lines that introduce a quote ("On Monday Alice wrote:"), in any language."""

import re
from collections.abc import Iterator
from enum import IntEnum
from itertools import islice

from mailtalk.mail.replies.quotes.line_kinds import Kind
from mailtalk.mail.replies.quotes.locales import PHRASES

LONGEST = 400  # characters of an attribution
_LINES = 6  # lines that it may be wrapped over
_MOST = 100  # lines that end like one are looked at
_HALF = 100  # characters of the first line of one that is wrapped
_NAME = 6  # words
_SHORT = 160  # characters of one that only the quote below it shows


def _either(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in words)


_COLON = ":\uff1a"
_ENDS = (*_COLON, *PHRASES.wrote)
_FRAME = "-*_=~ "
_WROTE_NAME = re.compile(rf"(?:^|[\s,>])(?:{_either(PHRASES.wrote_name)})\s")
_WROTE_ON = re.compile(r"(?!i |we |you |ich |wir ).*\s(?:wrote on|schrieb am)\s(?=.{0,30}\d{4})[^@]{4,45}")
_ON = re.compile(rf"[\s>\"*_]{{0,4}}(?:{_either(PHRASES.on)})(?![a-zà-ÿ]).{{0,30}}?\d")
_DATE_FIRST = re.compile(r"[^\d@]{0,24}\d")
_NUMBERS = re.compile(r"\d[^\d]+\d")
_DATE = re.compile(r"\d[^\d]+\d+[^\d]+\d|\d[^\d]+\d{4}(?!\d)|\d{4}[^\d]+\d")
_DATE_LAST = re.compile(r"\d[^\d]+(?:\d+[^\d]+\d+|\d{4})[^\d]{0,10}$")
_ANGLED = re.compile(r"<[^\s@<>]{1,64}@[^\s@<>]{1,255}>")
_WROTE_WHEN = re.compile(
    rf"(?!i |we |you |ich |wir |je |nous |yo |io |eu |jag |jeg |ik )\S+(?: \S+){{0,3}} (?:{_either(PHRASES.wrote)})"
    r" (?P<when>[(\w]?.{0,12}\d[^@]{4,40})"
)
_ADDRESS = re.compile(r"[^\s@<>]@[^\s@<>]")
_OLD_GMAIL = re.compile(
    r"\d{4}-\d\d-\d\d \d{1,2}:\d\d gmt[+-]\d\d:\d\d .{1,80}|\d{4}/\d{1,2}/\d{1,2} .{1,60}<\S{3,80}>"
)
_WITHIN = re.compile(
    rf"@[^\s@<>]{{2,100}}[>)\]]\s?,?\s?(?:{_either(PHRASES.wrote)})\s?[:\uff1a](?=\s+\S)", re.IGNORECASE
)
_SHARED = re.compile(r"[\s-](?=(?:On|Am|Le|El|Il|Em|Op|Den|W dniu|Dnia|Dne) .{0,20}\d)")


class _Strength(IntEnum):
    """Evidence for an attribution, strongest first."""

    OPENS = 0  # it starts as attributions do: "On Monday"
    WRITER = 1  # it names the writer, and a date or an address
    DATED = 2  # an address or a name, and a date, in an unknown language
    HINT = 3  # a quote follows


def find(folded: list[str], letters: list[str]) -> Iterator[range]:
    """Find attributions, as ranges of lines."""
    ends = (end for end in range(len(folded)) if _may_end(folded[end].lstrip("> "), letters[end]))
    for end in islice(ends, _MOST):
        found = _ending_at(folded, letters, end)
        if found:
            yield range(found.start - _is_named_above(folded, letters, found.start), found.stop)


def split_shared(line: str) -> list[str]:
    """Put an attribution on a line of its own: "fine by me On Monday, 2 May 2022, Alice wrote: shall we"."""
    if line[:20].lstrip().startswith(">"):
        return [line]
    within = _WITHIN.search(line[:LONGEST]) if "@" in line else None
    if within and _ON.match(line[: within.end()].casefold()):
        return [line[: within.end()], line[within.end() :]]
    return _split_before(line) if len(line) <= LONGEST and line.rstrip().endswith(tuple(_COLON)) else [line]


def _split_before(line: str) -> list[str]:
    """Split off the last attribution of a line."""
    place = max((found.start() for found in _SHARED.finditer(line)), default=0)
    said, attribution = line[:place].rstrip("- "), line[place + 1 :]
    spoken = any(letter.isalnum() for letter in said)
    return [said, attribution] if spoken and is_attribution(attribution.casefold()) else [line]


def is_attribution(folded: str, *, quote_follows: bool = False) -> bool:
    """True if an unwrapped line introduces a quote; with a quote right below it, less evidence is enough."""
    if len(folded) > LONGEST:
        return False
    core = folded.strip(_FRAME)
    colon, core = core.endswith(tuple(_COLON)), core.rstrip(_COLON + _FRAME)
    if not colon:
        return _without_colon(folded, core)
    return _names_writer(core) or (quote_follows and len(core) <= _SHORT and _hints(core))


def _is_named_above(folded: list[str], letters: list[str], start: int) -> bool:
    """True for an attribution wrapped before the address, below a line of its own with the writer's name."""
    if not start or letters[start - 1] != Kind.TEXT or folded[start][:1] not in ("<", "("):
        return False
    is_first = start == 1 or letters[start - 2] == Kind.EMPTY
    return is_first and len(folded[start - 1].split()) <= _NAME and folded[start - 1][-1].isalnum()


def _ending_at(folded: list[str], letters: list[str], end: int) -> range | None:
    """The attribution that ends at a line: the nearest that opens one ("On ..."), else that with the best evidence."""
    nearest: dict[_Strength, range] = {}
    for span, words in _candidates(folded, letters, end):
        evidence = _evidence(folded, letters, span, words)
        if evidence is _Strength.OPENS:
            return span
        longer = evidence is _Strength.WRITER and _breaks_off(folded[span.start])
        if evidence is not None and (longer or evidence not in nearest):
            nearest[evidence] = span
    return nearest[min(nearest)] if nearest else None


def _candidates(folded: list[str], letters: list[str], end: int) -> Iterator[tuple[range, str]]:
    """Ranges of lines that end at a line, shortest first, each with its text unwrapped."""
    words = ""
    for start in range(end, max(end - _LINES, -1), -1):
        if len(words) > LONGEST or not _joins(folded, letters, start, end):
            return
        words = f"{folded[start].lstrip('> ')} {words}".strip()
        yield range(start, end + 1), words


def _evidence(folded: list[str], letters: list[str], span: range, words: str) -> _Strength | None:
    if is_attribution(words):
        return _Strength.OPENS if _opens(folded, letters, span.start, words) else _Strength.WRITER
    if letters[span.stop : span.stop + 1] in ([], [Kind.EMPTY], [Kind.QUOTE]) and _tells_when(words):
        return _Strength.DATED
    return _Strength.HINT if is_attribution(words, quote_follows=_quote_follows(letters, span.stop)) else None


def _opens(folded: list[str], letters: list[str], start: int, words: str) -> bool:
    """True for "On Monday", or a date that does not continue "On Monday, April 12,"."""
    above = folded[start - 1] if start and letters[start - 1] == Kind.TEXT else ""
    if _breaks_off(above):
        return False
    begun = _ON.match(above) and len(above) < LONGEST // 2
    return bool(_ON.match(words) or (_DATE_FIRST.match(words) and not begun))


def _breaks_off(line: str) -> bool:
    """True for a line that is an address, or a date and the first word of a time: "man. 3. mars 2025 kl."."""
    if len(line) > _HALF:
        return False
    return bool(_ANGLED.search(line) or (_DATE_FIRST.match(line) and _DATE_LAST.search(line)))


def _joins(folded: list[str], letters: list[str], line: int, end: int) -> bool:
    """True if the line may belong to the attribution: text, or a blank line in a torn attribution."""
    if line == end or letters[line] == Kind.TEXT:
        return True
    return letters[line] == Kind.EMPTY and _is_torn(folded, line, end)


def _is_torn(folded: list[str], blank: int, end: int) -> bool:
    """True for an open bracket above, or below only a bracket, an address or the verb."""
    if folded[blank - 1].endswith(("<", "(")) or folded[end].rstrip(_COLON + _FRAME) in PHRASES.wrote:
        return True
    below = next(line for line in folded[blank : end + 1] if line)
    return below[:1] in ("<", ">") or below.startswith("mailto:")


def _may_end(folded: str, letter: str) -> bool:
    """True if the line may end an attribution; checks only its last characters, for speed."""
    if letter not in (Kind.TEXT, Kind.QUOTE):
        return False
    tail = folded[-LONGEST:].rstrip(_FRAME)
    if letter == Kind.QUOTE:
        return tail.endswith(tuple(_COLON)) and tail.rstrip(_COLON) in ("", *PHRASES.wrote)
    return tail.endswith(_ENDS) or bool(_OLD_GMAIL.fullmatch(tail[:LONGEST]))


def _quote_follows(letters: list[str], stop: int) -> bool:
    rest = "".join(letters[stop : stop + 3]).lstrip(Kind.EMPTY)
    return rest.startswith(Kind.QUOTE)


def _names_writer(core: str) -> bool:
    """True if a line that ended in a colon names the writer, and a date or an address."""
    opens = bool(_ON.match(core) or _DATE_FIRST.match(core))
    dated = bool(_NUMBERS.search(core)) if _ON.match(core) else bool(_DATE_FIRST.match(core) and _DATE.search(core))
    address = bool(_ADDRESS.search(core))
    if _wrote_last(core):
        return address or dated or " via " in core
    if _WROTE_NAME.search(core) and _NUMBERS.search(core):
        return opens or address
    return bool(_WROTE_ON.fullmatch(core) or (dated and _ends_in_address(core)))


def _tells_when(folded: str) -> bool:
    """True, in any language, for an address and a date, or a name, a verb and a date ("Alice kirjoitti 3.3.2025:")."""
    core = folded.strip(_FRAME)
    if len(core) > _SHORT or not core.endswith(tuple(_COLON)):
        return False
    core = core.rstrip(_COLON + _FRAME)
    nameless = _ANGLED.sub("", core)
    if nameless != core and _DATE.search(nameless):
        return True
    wrote = _WROTE_WHEN.fullmatch(core)
    return bool(wrote and _DATE.search(wrote["when"]))


def _wrote_last(core: str) -> bool:
    """True if the line ends in a verb of writing, as a separate word where the script uses spaces."""
    if not core.endswith(PHRASES.wrote):
        return False
    verb = next(word for word in PHRASES.wrote if core.endswith(word))
    return not core[: -len(verb)][-1:].isalnum() or verb[0] >= "\u0e00"


def _ends_in_address(core: str) -> bool:
    """True for "<alice@mail.example>" or "(alice@mail.example)" at the end."""
    core = core.rstrip(",;.\u061b ")
    opening = max(core.rfind(bracket) for bracket in "<([")
    return core.endswith((">", ")", "]")) and bool(_ADDRESS.search(core[opening + 1 :]))


def _hints(core: str) -> bool:
    """True for a line above a quote that names a writer, an address or a date."""
    return bool(_wrote_last(core) or _ADDRESS.search(core) or (_DATE_FIRST.match(core) and _NUMBERS.search(core)))


def _without_colon(folded: str, core: str) -> bool:
    """True for the known forms without a colon: old Gmail, dashes on both sides, "On ... <address> wrote"."""
    if _OLD_GMAIL.fullmatch(core):
        return True
    wrote = bool(_wrote_last(core))
    framed = folded.startswith("--") and folded.endswith("--")
    return wrote and (framed or bool(_ON.match(core) and _ADDRESS.search(core)))
