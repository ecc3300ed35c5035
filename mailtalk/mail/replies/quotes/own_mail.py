"""Evidence from our own mails: reply addresses and the text that we sent. It changes the codes of lines."""

import re
from dataclasses import dataclass
from itertools import islice

from mailtalk.mail.replies.quotes import attributions
from mailtalk.mail.replies.quotes.line_kinds import DEPTH, WIDTH, Kind
from mailtalk.mail.replies.quotes.locales import fold

LOCAL_CHARS = 30
MOST = 100  # addresses of ours in one mail
HIDDEN = "…"  # stands where an address of ours stood
_LONGEST_SENT = 50_000  # characters of our mail that are compared
_LINKS = re.compile(r"<[^<>\s]{4,2000}>|https?://\S{1,2000}")
# What mailtalk.links makes, also inside the links of mail filters.
_TOKEN_LINKS = re.compile(r"((?:/|%2F)(?:settings|unsubscribe)(?:/|%2F))[\w-]{43}(?![\w-])", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"\W+|_")
_NUMBERS = re.compile(r"\d\D+\d")
_FIELD = re.compile(r"\W{0,8}\w{1,20}(?: \w{1,20})?\s?[:\uff1a](?=[\s\"<])")
_ANGLED = re.compile(r"<[^<>@:]{1,64}@")
_FIELDS = 8  # lines of a heading
_STRONG = 8  # letters that make a line of ours recognisable
_HEADING = 200  # characters of a message's heading
_HEADING_WORDS = 4
_RUN = 40  # letters of neighbouring lines that together cannot be chance
_COVERED = 0.6  # share of our text that shows the quote to be complete, so that the rest is the person's


def lead_in(letters: str, lines: list[str], begin: int) -> str:
    """Mark the paragraph above our own text as heading: header fields in any language, or a line ending in a colon."""
    end = len(letters[:begin].rstrip("er"))
    start = letters.rfind(Kind.EMPTY, 0, end) + 1
    paragraph = lines[start:end]
    alone = Kind.TEXT not in letters[:start] + letters[begin:]
    if alone or not 0 < len(paragraph) <= _FIELDS or set(letters[start:end]) != {Kind.TEXT}:
        return letters
    fields = len(paragraph) > 1 and all(_FIELD.match(line[:WIDTH]) for line in paragraph)
    closed = _closed(paragraph[-1][:WIDTH]) and bool(_NUMBERS.search(" ".join(paragraph)[:WIDTH]))
    kind = Kind.HEADER if fields else Kind.ATTRIBUTION
    return letters[:start] + kind * len(paragraph) + letters[end:] if fields or closed else letters


class OwnAddress:
    """Finds our secret addresses (<30 characters>@reply.example) and hides them and our login-free links."""

    def __init__(self, domain: str) -> None:
        self._domain = domain.casefold()
        self._pattern = re.compile(rf"[a-z0-9]{{30}}(?:@|%40){re.escape(domain)}", re.IGNORECASE)

    def within(self, line: str) -> bool:
        """True if a line contains such an address."""
        return self._possible(line[:WIDTH]) and bool(self._pattern.search(line[:WIDTH]))

    def scrub(self, text: str) -> str:
        """Replace every such address, and the token of every login-free link, by "…"."""
        if not self._domain:
            return text
        text = _TOKEN_LINKS.sub(rf"\1{HIDDEN}", text) if "settings" in text or "unsubscribe" in text else text
        return self._pattern.sub(HIDDEN, text) if self._possible(text) else text

    def local_parts(self, text: str) -> tuple[str, ...]:
        """Distinct local parts of such addresses, in lower case; at most MOST."""
        found = (match[0][:LOCAL_CHARS].lower() for match in self._pattern.finditer(text))
        return tuple(islice(dict.fromkeys(found), MOST)) if self._possible(text) else ()

    def _possible(self, text: str) -> bool:
        return bool(self._domain) and self._domain in text.casefold()

    def mark(self, letters: str, lines: list[str]) -> str:
        """Mark lines that name us as attributions, with the dated line above that belongs to them."""
        marked = list(letters)
        for index in range(min(len(lines), DEPTH) if self._domain else 0):
            if letters[index] == Kind.TEXT and self._introduces(lines[index]):
                for line in self._attribution(letters, lines, index):
                    marked[line] = Kind.ATTRIBUTION
        return "".join(marked)

    def _attribution(self, letters: str, lines: list[str], index: int) -> range:
        """The line that names us, with its wrapped parts above and below."""
        above = index - 1
        wrapped = above >= 0 and letters[above] == Kind.TEXT and not _NUMBERS.search(self.scrub(lines[index]))
        start = above if wrapped and _NUMBERS.search(lines[above]) else index
        below = index + 1 < len(lines) and letters[index + 1] == Kind.TEXT and not _closed(lines[index])
        return range(start, index + 2 if below and _closed(lines[index + 1]) else index + 1)

    def _introduces(self, line: str) -> bool:
        """True for a client's line, False for one in which the author names the address."""
        if len(line) > attributions.LONGEST or not self.within(line):
            return False
        bare = self.scrub(line)
        return _closed(line) or bool(_FIELD.match(bare) or _NUMBERS.search(bare) or _ANGLED.search(line))


def _closed(line: str) -> bool:
    return line.rstrip(" *_").endswith((":", "\uff1a"))


@dataclass(frozen=True, slots=True)
class SentText:
    """The text of the answered mail, reduced to letters and digits, so that re-wrapping does not matter."""

    squeezed: str
    words: frozenset[str]

    @classmethod
    def of(cls, text: str | None) -> "SentText":
        """Prepare the text of our mail."""
        text = (text or "")[:_LONGEST_SENT].replace("\n", " ")
        return cls(_squeeze(text), frozenset(_WORD.split(fold(text))))

    def mark(self, letters: str, lines: list[str]) -> tuple[str, bool]:
        """Mark lines that we sent as quotes; the second value is True if nearly all of our mail was found."""
        squeezed = [_squeeze(line[:WIDTH]) for line in lines[:DEPTH]] if self.squeezed else []
        ours = [self._is_ours(line, whole) for line, whole in zip(squeezed, lines, strict=False)]
        runs = [run for run in _runs(squeezed, ours) if _is_certain([len(squeezed[line]) for line in run])]
        covered = sum(len(squeezed[line]) for run in runs for line in run)
        return _as_quotes(letters, runs), bool(covered) and covered >= _COVERED * len(self.squeezed)

    def _is_ours(self, squeezed: str, line: str) -> bool:
        """True for a line of ours, or a heading with its name and time in another order, as our HTML has it."""
        if not squeezed or squeezed in self.squeezed:
            return bool(squeezed)
        words = [word for word in _WORD.split(fold(line[:_HEADING])) if word]
        dated = len(words) >= _HEADING_WORDS and sum(word.isdigit() for word in words) > 1
        return dated and self.words.issuperset(words)


def _runs(squeezed: list[str], ours: list[bool]) -> list[list[int]]:
    """Group our lines that have no other words between them."""
    runs: list[list[int]] = [[]]
    for index, mine in enumerate(ours):
        if mine:
            runs[-1].append(index)
        elif squeezed[index] and runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _is_certain(lengths: list[int]) -> bool:
    """True if neighbouring lines of these lengths cannot match our mail by chance."""
    return sum(lengths) >= _RUN and max(lengths) >= _STRONG


def _as_quotes(letters: str, runs: list[list[int]]) -> str:
    """The codes with text and signatures from the first to the last line of each run marked as quote."""
    marked = list(letters)
    for line in (line for run in runs for line in range(run[0], run[-1] + 1)):
        marked[line] = Kind.QUOTE if letters[line] in "tdrsl" else letters[line]
    return "".join(marked)


def _squeeze(text: str) -> str:
    return _WORD.sub("", fold(_LINKS.sub(" ", text)))
