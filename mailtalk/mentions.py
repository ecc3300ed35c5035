r"""Mentions: one matcher for the users that a message notifies and for the mentions that a mail highlights.

A backend writes `<!!mention:USER_ID|NAME>`; in both, `\`, `|`, `<` and `>` may be escaped by a backslash, and must be
where they would otherwise end the id or the markup. A person writes `@Name` in a mail: the longest participant's name
at that position counts, and if two participants share it, both are mentioned. Letter case, Unicode form (NFC), and
kind and number of spaces are ignored; code (``` fences, backticks, <pre>, <code>) and links contain no @Name.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

ID_CHARS = 255
TRIES = 2_000  # @ signs of one text
_ESCAPE = re.compile(r"\\([\\|<>])")
_MARKUP = re.compile(
    r"<!!mention:(?P<id>(?:\\[\\|<>]|[^|<>\\]|\\(?![\\|<>])){1,510})"
    r"\|(?P<name>(?:\\[\\|<>]|[^<>\\]|\\(?![\\|<>])){0,2000})>"
    r"|<!!mention:(?P<rest>(?:(?!<!!mention:)[^>\n]){0,2000})>?"
)
_AT = re.compile("[@\uff20]")
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_TAG = re.compile(r"<(pre|code)\b[^<>]{0,200}>", re.IGNORECASE)
# Scripts without spaces between words, or with particles attached to a name: no word boundary is needed beside them.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua000-\ua4cf\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"\w")
_JAMO = range(0x1160, 0x1200)  # vowels and finals of decomposed Hangul


@dataclass(frozen=True, slots=True)
class Mention:
    """Mention at `start:end` of a text: of several users who share a name, of nobody if its markup is unreadable."""

    start: int
    end: int
    user_ids: tuple[str, ...]
    text: str  # text shown to people


def find(text: str, names: Mapping[str, str] | None = None) -> list[Mention]:
    """Mentions in a text, in order: markup, and @Name of `names` (name by user id)."""
    markup = [_of_markup(match) for match in _MARKUP.finditer(text)]
    return sorted([*markup, *_named(text, names, markup)], key=_start) if names else markup


def of_text(text: str) -> list[str]:
    """Ids of the users mentioned by markup, without repetitions, in order."""
    return of_mail(text, {})


def of_mail(text: str, names: Mapping[str, str]) -> list[str]:
    """Ids of the users mentioned in a text, without repetitions: by markup, then by @Name of `names` (by user id)."""
    markup = [_of_markup(match) for match in _MARKUP.finditer(text)]
    found = [*markup, *_named(text, names, markup)]
    return list(dict.fromkeys(user_id for mention in found for user_id in mention.user_ids))


def may_name(text: str) -> bool:
    """True if the text may contain an @Name, so that the participants' names are needed."""
    return any(_starts(text, match.start()) for match in _AT.finditer(text))


def plain(text: str) -> str:
    """Text for people: markup becomes @Name."""
    return _MARKUP.sub(lambda match: _of_markup(match).text, text)


def _of_markup(match: re.Match[str]) -> Mention:
    if match["rest"] is not None:
        user_id, _, name = match["rest"].partition("|")
        shown = _unescaped(name.strip() or user_id)
        return Mention(match.start(), match.end(), (), f"@{shown}" if shown else "")
    user_id = _unescaped(match["id"])
    known = (user_id,) if len(user_id) <= ID_CHARS else ()
    return Mention(match.start(), match.end(), known, f"@{_unescaped(match['name']) or user_id}")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _start(mention: Mention) -> int:
    return mention.start


# @Name


def _named(text: str, names: Mapping[str, str], markup: Sequence[Mention]) -> list[Mention]:
    """@Name mentions outside of markup, code and links."""
    by_name: dict[str, list[str]] = {}
    for user_id, name in names.items():
        by_name.setdefault(_folded(name), []).append(user_id)
    by_name.pop("", None)
    if not by_name:
        return []
    closed = _Ranges([*((mention.start, mention.end) for mention in markup), *_code(text), *_links(text)])
    lengths = sorted({len(name) for name in by_name}, reverse=True)
    found: list[Mention] = []
    for match, _ in zip(_AT.finditer(text), range(TRIES), strict=False):
        start = match.start()
        if _starts(text, start) and start not in closed and (not found or start >= found[-1].end):
            found += _longest(text, start, by_name, lengths)
    return found


def _longest(text: str, start: int, by_name: Mapping[str, list[str]], lengths: Sequence[int]) -> Iterator[Mention]:
    """Longest name after the @ at `start`, if any."""
    ends, folded = _prefixes(text, start + 1, lengths[0])
    for length in lengths:
        end = ends.get(length)
        if end is not None and folded[:length] in by_name and _ends(text, end):
            yield Mention(start, end, tuple(by_name[folded[:length]]), text[start:end])
            return


def _prefixes(text: str, start: int, most: int) -> tuple[dict[int, int], str]:
    """Case-folded text from `start`, and the end in the text of each of its prefixes, by the prefix's length."""
    ends: dict[int, int] = {}
    folded = ""
    for end, part in _clusters(text, start):
        folded += " " if part.isspace() and not folded.endswith(" ") else _folded_part(part)
        ends[len(folded)] = end
        if len(folded) >= most:
            break
    return ends, folded


def _folded(name: str) -> str:
    return " ".join("".join(_folded_part(part) or " " * part.isspace() for _, part in _clusters(name, 0)).split())


def _folded_part(part: str) -> str:
    """A letter with its marks, case-folded and normalized; empty for spaces and invisible controls."""
    letters = "".join(letter for letter in part if unicodedata.category(letter) not in {"Cc", "Cf", "Zs", "Zl", "Zp"})
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", letters).casefold())


def _clusters(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Letters with the marks that follow them, and the end of each."""
    first = start
    for i in range(start + 1, len(text) + 1):
        if i == len(text) or not (unicodedata.combining(text[i]) or ord(text[i]) in _JAMO):
            yield i, text[first:i]
            first = i


def _starts(text: str, at: int) -> bool:
    """True unless a word ends at the @, as in an address."""
    before = text[at - 1 : at]
    return not _WORD.match(before) or bool(_UNSPACED.match(before))


def _ends(text: str, end: int) -> bool:
    """True unless a word continues after the name."""
    last, after = text[end - 1], text[end : end + 1]
    return not (_WORD.match(after) and _WORD.match(last)) or bool(_UNSPACED.match(after) or _UNSPACED.match(last))


# Ranges in which no @Name counts


class _Ranges:
    """Ranges of a text, possibly overlapping, as a container of positions."""

    def __init__(self, ranges: Sequence[tuple[int, int]]) -> None:
        self._ranges: list[tuple[int, int]] = []
        for start, end in sorted(ranges):
            if self._ranges and start <= self._ranges[-1][1]:
                self._ranges[-1] = (self._ranges[-1][0], max(end, self._ranges[-1][1]))
            else:
                self._ranges.append((start, end))
        self._starts = [start for start, _ in self._ranges]

    def __contains__(self, position: int) -> bool:
        i = bisect_right(self._starts, position) - 1
        return i >= 0 and position < self._ranges[i][1]


def _links(text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _LINK.finditer(text))


def _code(text: str) -> list[tuple[int, int]]:
    fences = list(_fences(text))
    fenced = _Ranges(fences)
    return [*fences, *_tagged(text), *(span for span in _ticked(text) if span[0] not in fenced)]


def _fences(text: str) -> Iterator[tuple[int, int]]:
    """Code blocks between lines of three or more backticks or tildes; an unclosed one extends to the end."""
    opened: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        if opened is None:
            opened = match
        elif match[1].startswith(opened[1]):
            yield opened.start(), match.end()
            opened = None
    if opened is not None:
        yield opened.start(), len(text)


def _tagged(text: str) -> Iterator[tuple[int, int]]:
    """Ranges from <pre> or <code> to the end tag."""
    lower, end = text.lower(), 0
    while (match := _TAG.search(text, end)) is not None:
        close = f"</{match[1].lower()}>"
        stop = lower.find(close, match.end())
        end = match.end() if stop < 0 else stop + len(close)
        if stop >= 0:
            yield match.start(), end


def _ticked(text: str) -> Iterator[tuple[int, int]]:
    """Ranges between equally long runs of backticks, within a paragraph."""
    runs = [match.span() for match in re.finditer("`+", text)]
    later: dict[int, list[int]] = {}
    for start, end in reversed(runs):
        later.setdefault(end - start, []).append(start)
    done = 0
    for start, end in runs:
        starts = later[end - start]
        while starts and starts[-1] <= start:
            starts.pop()
        if start >= done and starts and "\n\n" not in text[end : starts[-1]]:
            done = starts[-1] + end - start
            yield start, done
