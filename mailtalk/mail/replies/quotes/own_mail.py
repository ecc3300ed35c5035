"""What only we know about a quote: our reply addresses and the text that we sent. It changes the letters of lines."""

import re
from dataclasses import dataclass

from mailtalk.mail.replies.quotes import attributions
from mailtalk.mail.replies.quotes.line_kinds import DEPTH, WIDTH, Kind
from mailtalk.mail.replies.quotes.locales import fold

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
    """Make a heading of the paragraph above our own words: fields in any language, or what ends in a colon."""
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
    """Finds addresses like <30 characters>@reply.example, which are secrets, and hides our mails' links too."""

    def __init__(self, domain: str) -> None:
        self._domain = domain.casefold()
        self._pattern = re.compile(rf"[a-z0-9]{{30}}(?:@|%40){re.escape(domain)}", re.IGNORECASE)

    def within(self, line: str) -> bool:
        """Tell whether a line names such an address."""
        return self._possible(line[:WIDTH]) and bool(self._pattern.search(line[:WIDTH]))

    def scrub(self, text: str) -> str:
        """Hide every such address, and the token of each link by which a mail of ours is answered without a login."""
        if not self._domain:
            return text
        text = _TOKEN_LINKS.sub(rf"\1{HIDDEN}", text) if "settings" in text or "unsubscribe" in text else text
        return self._pattern.sub(HIDDEN, text) if self._possible(text) else text

    def _possible(self, text: str) -> bool:
        return bool(self._domain) and self._domain in text.casefold()

    def mark(self, letters: str, lines: list[str]) -> str:
        """Make attributions of the lines that name us, and of the dated line above that belongs to them."""
        marked = list(letters)
        for index in range(min(len(lines), DEPTH)):
            if letters[index] == Kind.TEXT and self._introduces(lines[index]):
                for line in self._attribution(letters, lines, index):
                    marked[line] = Kind.ATTRIBUTION
        return "".join(marked)

    def _attribution(self, letters: str, lines: list[str], index: int) -> range:
        """Add the wrapped parts above and below a line that names us."""
        above = index - 1
        wrapped = above >= 0 and letters[above] == Kind.TEXT and not _NUMBERS.search(self.scrub(lines[index]))
        start = above if wrapped and _NUMBERS.search(lines[above]) else index
        below = index + 1 < len(lines) and letters[index + 1] == Kind.TEXT and not _closed(lines[index])
        return range(start, index + 2 if below and _closed(lines[index + 1]) else index + 1)

    def _introduces(self, line: str) -> bool:
        """Tell a client's line from one in which the person names the address."""
        if len(line) > attributions.LONGEST or not self.within(line):
            return False
        bare = self.scrub(line)
        return _closed(line) or bool(_FIELD.match(bare) or _NUMBERS.search(bare) or _ANGLED.search(line))


def _closed(line: str) -> bool:
    return line.rstrip(" *_").endswith((":", "\uff1a"))


@dataclass(frozen=True, slots=True)
class SentText:
    """The text of the mail that is answered, as one string of its letters: no client's wrapping changes that."""

    squeezed: str
    words: frozenset[str]

    @classmethod
    def of(cls, text: str | None) -> "SentText":
        """Squeeze our mail."""
        text = (text or "")[:_LONGEST_SENT].replace("\n", " ")
        return cls(_squeeze(text), frozenset(_WORD.split(fold(text))))

    def mark(self, letters: str, lines: list[str]) -> tuple[str, bool]:
        """Make quotes of lines that we sent; tell whether they are nearly all of our mail."""
        squeezed = [_squeeze(line[:WIDTH]) for line in lines[:DEPTH]] if self.squeezed else []
        ours = [self._is_ours(line, whole) for line, whole in zip(squeezed, lines, strict=False)]
        marked, covered = list(letters), 0
        for run in _runs(squeezed, ours):
            length = sum(len(squeezed[line]) for line in run)
            known = length >= _RUN and any(len(squeezed[line]) >= _STRONG for line in run)
            covered += length if known else 0
            for line in range(run[0], run[-1] + 1) if known else ():
                marked[line] = Kind.QUOTE if letters[line] in "tdrsl" else letters[line]
        return "".join(marked), bool(covered) and covered >= _COVERED * len(self.squeezed)

    def _is_ours(self, squeezed: str, line: str) -> bool:
        """Know a line of ours, and one that names a sender and a time in another order, as our HTML does."""
        if not squeezed or squeezed in self.squeezed:
            return bool(squeezed)
        words = [word for word in _WORD.split(fold(line[:_HEADING])) if word]
        dated = len(words) >= _HEADING_WORDS and sum(word.isdigit() for word in words) > 1
        return dated and self.words.issuperset(words)


def _runs(squeezed: list[str], ours: list[bool]) -> list[list[int]]:
    """Group the lines that are ours with no other words between them."""
    runs: list[list[int]] = [[]]
    for index, mine in enumerate(ours):
        if mine:
            runs[-1].append(index)
        elif squeezed[index] and runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _squeeze(text: str) -> str:
    return _WORD.sub("", fold(_LINKS.sub(" ", text)))
