"""The HTML part as lines of text, with "> " before what clients mark as a quote; linear in time, never recursive."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

from lxml import etree  # type: ignore[import-untyped]

from mailtalk.mail.quotes import containers
from mailtalk.mail.quotes.containers import Element, Part
from mailtalk.mail.quotes.lines import QUOTE_MARK, SIGNATURE_MARK

LARGEST = 2_000_000  # characters that are parsed as HTML; more is only stripped of its tags
DEEPEST = 256  # nested elements, the same

_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
_TAG = re.compile(r"<[^<>]*>")
_BREAKS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h\d|/?blockquote)\b[^<>]*>", re.IGNORECASE)
_INVISIBLE = frozenset(
    {"head", "style", "script", "title", "template", "noscript", "svg", "object", "select", "textarea"}
)
_BLOCKS = frozenset(
    "address article aside blockquote body center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav"
    " ol p pre section table tr ul".split()
)
_SPACED = frozenset({"p", "blockquote", "ul", "ol", "table", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
_EMOJI = 8  # characters of an image's text that is taken for an emoji


@dataclass(slots=True)
class Page:
    """The lines so far and the one being written; `quoted` counts the quotes that we are in."""

    lines: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    quoted: int = 0
    signing: int = 0
    hidden: int = 0
    preformatted: int = 0
    contained: bool = False  # a client's own container was met

    def write(self, text: str | None) -> None:
        """Add running text."""
        if text and not self.hidden:
            pieces = text.split("\n") if self.preformatted else [_SPACE.sub(" ", text)]
            self.words.append(pieces[0])
            for piece in pieces[1:]:
                self.end_line()
                self.words.append(piece)

    def end_line(self, *, even_empty: bool = True) -> None:
        """Finish the line; an element's end makes none where there is nothing."""
        words = "".join(self.words)
        line = words.rstrip() if self.preformatted else re.sub(" {2,}", " ", words).strip()
        self.words.clear()
        if line or even_empty:
            self.lines.append(self._prefix() + line if line or self.quoted else "")

    def space(self) -> None:
        """Leave one blank line."""
        if self.lines and self.lines[-1].strip("> "):
            self.lines.append("> " if self.quoted else "")

    def _prefix(self) -> str:
        if self.quoted:
            return "> "
        return SIGNATURE_MARK if self.signing else ""


def lines_of(html: str) -> tuple[list[str], bool]:
    """Turn HTML into lines, and tell whether a client's quote container was among it."""
    root = _parse(html) if len(html) <= LARGEST else None
    if root is None:
        return _flatten(html), False
    page = Page()
    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        _step(page, event, element)
    page.end_line(even_empty=False)
    return page.lines, page.contained


def _parse(html: str) -> Element | None:
    """Parse without network and without entities; None where libxml2 gave up on the depth."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True, huge_tree=False)
    try:
        root = etree.fromstring(html.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.LxmlError:
        return None
    deep = any("depth" in entry.message.lower() for entry in parser.error_log)
    return None if deep or root is None else root


def _flatten(html: str) -> list[str]:
    """Take the tags out and nothing more."""
    return unescape(_TAG.sub("", _BREAKS.sub("\n", html))).split("\n")


def _step(page: Page, event: str, element: Element) -> None:
    """Follow the tree by one event."""
    if event == "start":
        _open(page, element)
    elif event == "end":
        _close(page, element)
        page.write(element.tail)
    else:
        page.write(element.tail)


def _open(page: Page, element: Element) -> None:
    tag = str(element.tag)
    page.hidden += _is_hidden(tag, element)
    if page.hidden:
        return
    _enter(page, tag, containers.part_of(element))
    if tag == "br":
        page.end_line()
    elif tag == "img":
        page.write(_emoji(element.get("alt", "")))
    elif tag in ("td", "th"):
        page.write(" ")
    elif tag == "li":
        page.write("- ")
    page.write(element.text)


def _enter(page: Page, tag: str, part: Part) -> None:
    """Begin a block, and a quote or a signature where this is one."""
    if tag in _BLOCKS or part != Part.BODY:
        page.end_line(even_empty=False)
    if tag in _SPACED:
        page.space()
    page.contained |= part in (Part.QUOTE, Part.BELOW)
    page.quoted += part == Part.QUOTE
    page.signing += part == Part.SIGNATURE
    page.preformatted += tag == "pre"
    if part == Part.BELOW and not page.quoted:
        page.lines.append(QUOTE_MARK)


def _close(page: Page, element: Element) -> None:
    tag = str(element.tag)
    if page.hidden:
        page.hidden -= _is_hidden(tag, element)
        return
    part = containers.part_of(element)
    if tag == "hr":
        page.write("-----")
    if tag in _BLOCKS or part != Part.BODY:
        page.end_line(even_empty=False)
    page.preformatted -= tag == "pre"
    page.quoted -= part == Part.QUOTE
    page.signing -= part == Part.SIGNATURE
    if tag in _SPACED:
        page.space()


def _is_hidden(tag: str, element: Element) -> bool:
    """See what no reader shows."""
    return tag in _INVISIBLE or "display:none" in element.get("style", "").replace(" ", "")[:500].lower()


def _emoji(alt: str) -> str:
    """Keep a picture that stands for a character."""
    return alt if len(alt) <= _EMOJI and not alt.isascii() else ""


def shown(lines: list[str]) -> Iterator[str]:
    """Give the lines as they are read, without our marks."""
    return (line.lstrip(SIGNATURE_MARK + QUOTE_MARK) for line in lines)
