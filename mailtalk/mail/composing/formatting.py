"""Light Markdown of a message in a mail's HTML part: bold, code, lists and quotes.

It is applied to spans, so mentions and links stay what they are; whatever is not closed stays as typed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from mailtalk.mail.composing.spans import TextSpan

Line = tuple[TextSpan, ...]
_INLINE = re.compile(r"\*\*(?=\S)(?P<bold>[^\n*]+)(?<=\S)\*\*|(?<!`)`(?P<code>[^\n`]+)`(?!`)")
_ITEM = re.compile(r"(?:[-*•]|(?P<number>\d{1,3}[.)]))[ \t]+")
_QUOTE = re.compile(r">[ \t]?")
_FENCE = re.compile(r"[ \t]*```[\w+-]*[ \t]*")


@dataclass(frozen=True, slots=True)
class BodyRow:
    """A paragraph: `kind` is text, item (with its bullet or number), quote or code; the rest is CSS."""

    kind: str
    spans: Line

    @property
    def margin(self) -> str:
        """Items stand closer."""
        return "2px 0 0" if self.kind == "item" else "6px 0 0"

    @property
    def padding(self) -> str:
        """Items and quotes stand to the right."""
        return {"item": "0 0 0 18px", "quote": "0 0 0 12px"}.get(self.kind, "0")

    @property
    def indent(self) -> str:
        """A bullet stands to the left of its item."""
        return "-14px" if self.kind == "item" else "0"

    @property
    def border(self) -> str:
        """Quotes have a bar."""
        return "3px solid #d7dde6" if self.kind == "quote" else "0"


def rows(spans: Sequence[TextSpan]) -> list[BodyRow]:
    """Split a message into rows; lines of a text, a quote or a fenced block stay together."""
    kinds = list(_kinds(_lines(spans)))
    return [row for kind, lines in groupby(kinds, key=lambda each: each[0]) for row in _rows(kind, lines)]


def _lines(spans: Sequence[TextSpan]) -> Iterator[Line]:
    line: list[TextSpan] = []
    for span in spans:
        first, *rest = span.text.split("\n") if span.kind == "text" else [span.text]
        line.append(replace(span, text=first))
        for text in rest:
            yield _full(line)
            line = [TextSpan("text", text)]
    yield _full(line)


def _full(line: Sequence[TextSpan]) -> Line:
    return tuple(span for span in line if span.text)


def _kinds(lines: Iterator[Line]) -> Iterator[tuple[tuple[str, int], Line]]:
    """Each line with its kind and, so that two fenced blocks stay two, the number of the fence."""
    every = list(lines)
    fences = [number for number, line in enumerate(every) if _FENCE.fullmatch(_plain(line))]
    closed = list(zip(fences[::2], fences[1::2], strict=False))
    for number, line in enumerate(every):
        block = next((index for index, (first, last) in enumerate(closed, 1) if first <= number <= last), 0)
        if block and number not in fences:
            yield ("code", block), line
        elif not block:
            yield _line_kind(line), line


def _line_kind(line: Line) -> tuple[str, int]:
    start = line[0].text if line and line[0].kind == "text" else ""
    item = _ITEM.match(start)
    if item and _plain(line)[item.end() :].strip():
        return "item", 0
    return ("quote" if _QUOTE.match(start) else "text"), 0


def _rows(kind: tuple[str, int], lines: Iterator[tuple[tuple[str, int], Line]]) -> Iterator[BodyRow]:
    found = [line for _, line in lines]
    if kind[0] == "code":
        yield BodyRow("code", (TextSpan("code", "\n".join(map(_plain, found))),))
    elif kind[0] == "item":
        yield from (BodyRow("item", _inline(_item(line))) for line in found)
    elif kind[0] == "quote":
        yield BodyRow("quote", _inline(_joined(_without(_QUOTE, line) for line in found)))
    else:
        text = _trimmed(_joined(iter(found)))
        if text:
            yield BodyRow("text", _inline(text))


def _item(line: Line) -> Line:
    match = _ITEM.match(line[0].text)
    bullet = (match and match["number"]) or "•"
    return (TextSpan("text", f"{bullet}\u00a0"), *_without(_ITEM, line))


def _without(prefix: re.Pattern[str], line: Line) -> Line:
    return _full([replace(line[0], text=prefix.sub("", line[0].text, count=1)), *line[1:]])


def _joined(lines: Iterator[Line]) -> Line:
    """Lines as one, with their ends; adjacent texts are one span."""
    joined: list[TextSpan] = []
    for number, line in enumerate(lines):
        for span in (TextSpan("text", "\n"), *line) if number else line:
            if joined and joined[-1].kind == span.kind == "text":
                joined[-1] = replace(span, text=joined[-1].text + span.text)
            else:
                joined.append(span)
    return tuple(joined)


def _trimmed(line: Line) -> Line:
    """A text without empty lines at its edges: rows have a margin."""
    spans = list(line)
    for edge, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if spans and spans[edge].kind == "text":
            spans[edge] = replace(spans[edge], text=strip(spans[edge].text, "\n"))
    return _full(spans) if _plain(_full(spans)).strip() else ()


def _inline(line: Line) -> Line:
    """Split bold and code from the texts."""
    return tuple(part for span in line for part in (_parts(span.text) if span.kind == "text" else (span,)))


def _parts(text: str) -> Iterator[TextSpan]:
    end = 0
    for match in _INLINE.finditer(text):
        yield from _full([TextSpan("text", text[end : match.start()])])
        kind = match.lastgroup or ""
        yield TextSpan(kind, match[kind])
        end = match.end()
    yield from _full([TextSpan("text", text[end:])])


def _plain(line: Line) -> str:
    return "".join(span.text for span in line)
