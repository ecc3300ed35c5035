"""Signatures without a delimiter: a sign-off, the author's name, and a few lines of role, company and contact."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailtalk.mail.replies.quotes.author import Author, is_name
from mailtalk.mail.replies.quotes.line_kinds import Kind
from mailtalk.mail.replies.quotes.locales import PHRASES, fold

LINES = 8  # below the name
_SURE = 2  # lines with an address, link or number below an unconfirmed name
_LONGEST = 120  # characters of a line of a signature
_PUNCTUATION = " \t,.;:!~*_-\u2013\u2014\u3002\uff0c\u3001\uff01/"
_SEPARATORS = re.compile(r"\s[|\u00b7\u2022/\u2013\u2014]\s|\|")
_PREFIX = re.compile(
    r"\A(?:(?:i\.?\s?[av]\.?|ppa\.?|gez\.?|your|dein|deine|ihr|ihre)\s|//|~|-{1,2}|\u2013|\u2014)\s*", re.IGNORECASE
)
REACH = re.compile(r"\S@\S|https?://|www\.|\d[\d\s().\-/]{6,24}")
_SENTENCE = re.compile(r"[.!?\u3002\uff01\uff1f]\W{0,2}$")
_SENTENCE_WORDS = 4  # "ACME Inc." is not one
_ABBREVIATED = re.compile(r"(?:(?:\w{1,3}\.\s?){2,}|\b[A-Z][A-Za-z]{1,3}\.)\W{0,2}$")  # "s.r.o.", "Ltd.", "Kft."
_AND = re.compile(r"\s(?:and|und|et|y|e|en|och|og|i)\s|\s?[&,/]\s?")
_FROM_PLACE = re.compile(r"\s(?:aus|from|de|desde|da|uit|z|ze|från|fra|из)\s(?=[^\W\d_a-zß-ÿа-я])")
_COMPANY = re.compile(  # by its legal form, or in quotation marks
    r"\b(?:GmbH|AG|KG|Ltd|LLC|LLP|Inc|Corp|PLC|plc|SARL|S\.?A|S\.?L|S\.?[Rr]\.?[Ll]|S\.?[Pp]\.?A|Ltda|B\.?V|N\.?V|AB|AS"
    r"|ApS|Oyj?|Kft|Zrt|[Ss]p\. z o\.o|s\.r\.o|a\.s|A\.Ş|\u041e\u041e\u041e|\u041e\u0410\u041e|\u0422\u041e\u0412)\b"
    r"|[«„“][^»“”]{2,40}[»“”]"
)
_POSTSCRIPT = re.compile(r"p\.?\s?s\b", re.IGNORECASE)
_FAREWELL = 5  # words
_TITLE = 0.6  # of the words of a role or a company begin with a capital letter


@dataclass(frozen=True, slots=True)
class _Line:
    place: int
    text: str


def start(letters: str, lines: Sequence[str], author: Author) -> int:
    """The first line of a signature at the end of the lines, or their number if there is none."""
    spoken = [_Line(at, lines[at].strip()) for at, letter in enumerate(letters) if letter == Kind.TEXT]
    if not set(letters) <= {Kind.TEXT, Kind.EMPTY, Kind.RULE}:
        first = max(at for at, letter in enumerate(letters) if letter not in "ter")
        spoken = [line for line in spoken if line.place > first]
    tail = spoken[-LINES - 3 :]
    return min(_below_sign_off(tail, lines, author), _below_name(tail, lines, author))


def is_card(lines: Sequence[str], reach: int = 1) -> bool:
    """True for lines without sentences of which at least `reach` hold an address, link or phone number."""
    return sum(bool(REACH.search(line[:300])) for line in lines) >= reach and not any(map(_is_sentence, lines))


def announces(lines: Sequence[str]) -> bool:
    """True for "here are her details:" above: then they are part of the text."""
    above = next((line for line in reversed(lines) if line.strip()), "")
    return above.rstrip().endswith((":", "\uff1a"))


def with_farewell(lines: Sequence[str], start: int) -> int:
    """The line of a farewell above a signature, if text stands above it; else the signature's first line."""
    above = next((at for at in range(start - 1, -1, -1) if lines[at].strip()), 0)
    text = lines[above].strip()
    return above if above and (_is_farewell(text) or _after_sign_off(text) == "") else start


def _below_sign_off(tail: Sequence[_Line], lines: Sequence[str], author: Author) -> int:
    """The last sign-off with a name and more below it."""
    for at in range(len(tail) - 1, -1, -1):
        name_beside = _after_sign_off(tail[at].text)
        if name_beside is None:
            continue
        below = [line.text for line in tail[at + 1 :] if _after_sign_off(line.text) != ""]
        names = [name_beside, *below] if name_beside else below
        first = _first_of_run(tail, at)
        if _is_signature(names, author) and any(map(str.strip, lines[:first])) and not announces(lines[:first]):
            return first
    return len(lines)


def _first_of_run(tail: Sequence[_Line], at: int) -> int:
    """The first of the sign-off lines that follow each other."""
    while at and _after_sign_off(tail[at - 1].text) == "":
        at -= 1
    return tail[at].place


def _after_sign_off(text: str) -> str | None:
    """Text after a sign-off on its line, "" if it stands alone, None if the line is none."""
    if len(text) > _LONGEST:
        return None
    if _says_goodbye(text):
        return ""
    head, comma, rest = text.partition(",")
    if comma and rest.strip() and _says_goodbye(head):
        return rest.strip() if is_name(rest) else None
    first, _, rest = text.partition(" ")
    return rest.strip() if rest and " " not in rest.strip() and _says_goodbye(first) and is_name(rest) else None


def _says_goodbye(text: str) -> bool:
    """True for one sign-off, or several joined by "and" or a comma."""
    folded = fold(_FROM_PLACE.split(text, maxsplit=1)[0]).strip(_PUNCTUATION)
    return folded in PHRASES.sign_off or all(
        part.strip(_PUNCTUATION) in PHRASES.sign_off for part in _AND.split(folded)
    )


def _is_signature(below: Sequence[str], author: Author) -> bool:
    """True for a name and one to eight lines of a card."""
    if not 1 < len(below) <= LINES + 1 or not _is_short(below):
        return False
    rest = [*_SEPARATORS.split(below[0])[1:], *below[1:]]
    signs = author.signs(_name(below[0]))
    return bool(signs or signs is None) and (is_card(rest) or (bool(signs) and all(map(_is_title, rest))))


def _below_name(tail: Sequence[_Line], lines: Sequence[str], author: Author) -> int:
    """A last paragraph, or a last line with separators, that begins with the author's name."""
    end = tail[-1].place + 1 if tail else 0
    paragraph = [line for line in tail if "" not in (text.strip() for text in lines[line.place : end])]
    if not paragraph or paragraph[0].place == 0 or announces(lines[: paragraph[0].place]):
        return len(lines)
    if len(paragraph) > 1 and _is_farewell(paragraph[0].text):
        paragraph = paragraph[1:]
    texts = [line.text for line in paragraph]
    rest = [part for part in _SEPARATORS.split(texts[0])[1:] if part] + texts[1:]
    name = _name(texts[0])
    sure = author.signs_in_full(name) and is_card(rest)
    likely = author.signs(name) is None and " " in name.strip() and is_card(rest, reach=_SURE)
    is_signature = rest and _is_short(texts) and (sure or likely)
    return with_farewell(lines, paragraph[0].place) if is_signature else len(lines)


def _is_farewell(text: str) -> bool:
    """True for a few words before a comma, as people part in words of their own: "Talk soon,"."""
    return text.endswith((",", "\uff0c")) and len(text.split()) <= _FAREWELL and not text.startswith(("-", "*"))


def _name(text: str) -> str:
    """The part of a line that may be a name."""
    return _PREFIX.sub("", _SEPARATORS.split(text)[0].strip(" *_"), count=1).partition(",")[0]


def _is_short(texts: Sequence[str]) -> bool:
    return all(len(text) <= _LONGEST and not _POSTSCRIPT.match(text) for text in texts)


def _is_title(text: str) -> bool:
    """True for a role or a company: no sentence, and most long words begin with a capital letter."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3]  # noqa: PLR2004  "and", "von"
    capitals = sum(not word[0].islower() for word in words)
    likely = capitals >= _TITLE * len(words) or bool(_COMPANY.search(text))
    return bool(words) and likely and not _is_sentence(text)


def _is_sentence(line: str) -> bool:
    words = line.split()
    ends = bool(_SENTENCE.search(line[-9:])) and len(words) >= _SENTENCE_WORDS and not _ABBREVIATED.search(line[-12:])
    return ends and any(word[0].islower() or not word.isascii() for word in words)
