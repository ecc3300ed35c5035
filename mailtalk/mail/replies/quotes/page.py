"""The text of an HTML mail while it is built, line by line."""

import re
from dataclasses import dataclass, field

from mailtalk.mail.replies.quotes.containers import Region
from mailtalk.mail.replies.quotes.line_kinds import HEADING_MARK, QUOTE_MARK, SIGNATURE_MARK

_MARKS = {Region.SIGNATURE: SIGNATURE_MARK, Region.HEADING: HEADING_MARK}
EMPTY_QUOTE = "> "
_SPACE = re.compile(r"[ \t\r\n\f]+")
_SPACES = re.compile(r"[ \xa0]+")
_NBSP = "\xa0"


@dataclass(slots=True)
class HtmlPage:
    """The lines so far, the words of the next one, and the open elements."""

    lines: list[str] = field(default_factory=list)
    parts: list[Region] = field(default_factory=list)
    contained: bool = False  # a quote's element was met
    by_client: bool = False  # one with a class, an id or a type: a client made it
    preformatted: int = 0
    tight: bool = False  # the style sheet sets no margins of paragraphs
    _words: list[str] = field(default_factory=list)
    _items: list[int | None] = field(default_factory=list)

    def enter(self, part: Region, *, by_client: bool = False) -> None:
        """Start an element; `by_client`: it has attributes."""
        self.parts.append(part)
        if part == Region.BODY:
            return
        self.end_line(even_empty=False)
        self.contained |= part in (Region.QUOTE, Region.BELOW)
        self.by_client |= by_client
        if part == Region.BELOW and not self.quoted:
            self.lines.append(QUOTE_MARK)

    def leave(self) -> None:
        """End an element."""
        if self.parts[-1] != Region.BODY:
            self.end_line(even_empty=False)
        if self.parts.pop() == Region.QUOTE and not self.quoted and self.lines[-1:] == [EMPTY_QUOTE]:
            self.lines[-1] = ""  # an answer between quotes is easier to read so

    @property
    def quoted(self) -> bool:
        """True inside a quote."""
        return Region.QUOTE in self.parts

    @property
    def is_authors(self) -> bool:
        """True outside quotes, headings and signatures."""
        return all(part == Region.BODY for part in self.parts)

    def is_one_indent(self) -> bool:
        """True if everything stands in plain blockquotes, as people indent a text."""
        return (
            self.contained and not self.by_client and all(line.startswith("> ") for line in self.lines if line.strip())
        )

    def write(self, text: str | None) -> None:
        """Add running text."""
        if text:
            pieces = text.split("\n") if self.preformatted else [_SPACE.sub(" ", text)]
            self._words.append(pieces[0])
            for piece in pieces[1:]:
                self.end_line()
                self._words.append(piece)

    def end_line(self, *, even_empty: bool = True) -> None:
        """Finish the line; the end of an element adds no empty line, unless it holds a no-break space."""
        words = "".join(self._words)
        line = words.rstrip() if self.preformatted else _SPACES.sub(" ", words).strip()
        self._words.clear()
        if line or even_empty:
            self.lines.append(self._prefix() + line if line else self._blank())
        elif _NBSP in words:
            self.space()

    def space(self) -> None:
        """Add one blank line."""
        if self.lines and self.lines[-1].strip("> "):
            self.lines.append(self._blank())

    def begin_list(self, *, ordered: bool) -> None:
        """Start a list, numbered if `ordered`."""
        self._items.append(0 if ordered else None)

    def end_list(self) -> None:
        """End a list."""
        self._items.pop()

    def begin_item(self) -> None:
        """Write an item's number or dash."""
        number = self._items[-1] if self._items else None
        if number is None:
            self.write("- ")
        else:
            self._items[-1] = number + 1
            self.write(f"{number + 1}. ")

    def _blank(self) -> str:
        return EMPTY_QUOTE if self.quoted else ""

    def _prefix(self) -> str:
        if self.quoted:
            return EMPTY_QUOTE
        return next((mark for part, mark in _MARKS.items() if part in self.parts), "")
