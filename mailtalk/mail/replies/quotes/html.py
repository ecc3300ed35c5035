"""HTML to lines of text, with "> " before quotes; linear in time, never recursive."""

import re
from collections.abc import Iterator
from html import unescape

from lxml import etree  # type: ignore[import-untyped]

from mailtalk.mail.replies.quotes import containers, links, paragraphs
from mailtalk.mail.replies.quotes.containers import Element
from mailtalk.mail.replies.quotes.line_kinds import DEPTH, HEADING_MARK, QUOTE_MARK, SIGNATURE_MARK
from mailtalk.mail.replies.quotes.page import EMPTY_QUOTE, HtmlPage

LARGEST = 2_000_000  # characters that are parsed as HTML; more is only stripped of its tags
ELEMENTS = 10_000  # that are laid out; the rest of the page follows as one line

_TAG = re.compile(r"<[^<>]*>")
_ANGLED = re.compile(r"<([^\s<>@\"'=]{1,64}@[^\s<>@\"'=]{1,255})>")  # an address, unescaped
_OUTER_END = re.compile(r"(?:</(?:body|html)\s{0,9}>\s{0,9}){1,9}", re.IGNORECASE)  # gateways write below it
_BREAKS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h\d|/?blockquote)\b[^<>]*>", re.IGNORECASE)
_INVISIBLE = frozenset(
    {"head", "style", "script", "title", "template", "noscript", "svg", "object", "select", "textarea"}
)
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    }
)
_SPACED = frozenset({"p", "blockquote", "ul", "ol", "table", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
_SHOWN = "[not(parent::script or parent::style)]"
_WITHIN = etree.XPath(f"descendant::text(){_SHOWN}", smart_strings=False)
_AFTER = etree.XPath(f"following::text(){_SHOWN}", smart_strings=False)
_EMOJI = 8  # maximum characters of an image's alt text that counts as an emoji


def lines_of(html: str) -> tuple[list[str], bool]:
    """Convert HTML to lines; the second value is True if a client's quote container was found."""
    root = _parse(html) if len(html) <= LARGEST else None
    if root is None:
        return _flatten(html), False
    page = HtmlPage()
    _lay_out(page, root)
    page.end_line(even_empty=False)
    if page.is_one_indent():
        return [line.removeprefix(EMPTY_QUOTE) for line in page.lines], False
    return page.lines, page.contained


def shown(lines: list[str]) -> Iterator[str]:
    """The lines without our internal marks."""
    return (line.lstrip(SIGNATURE_MARK + QUOTE_MARK + HEADING_MARK) for line in lines)


def _parse(html: str) -> Element | None:
    """Parse without network and entities; None if libxml2 fails, as it does below 256 levels."""
    html = _OUTER_END.sub("<br>", _ANGLED.sub(r"&lt;\1&gt;", html))
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True, remove_comments=True, huge_tree=False)
    try:
        root = etree.fromstring(html.replace("\0", "").encode("utf-8", "replace"), parser)
    except etree.LxmlError:
        return None
    deep = any("depth" in entry.message.lower() for entry in parser.error_log)
    return None if deep or root is None else root


def _flatten(html: str) -> list[str]:
    """Only remove the tags."""
    return unescape(_TAG.sub("", _BREAKS.sub("\n", html))).split("\n", DEPTH)


def _lay_out(page: HtmlPage, root: Element) -> None:
    """Walk the tree and skip what no reader sees; past the limit take only the text."""
    walk = etree.iterwalk(root, events=("start", "end"))
    for count, (event, element) in enumerate(walk):
        if event == "end":
            _close(page, element)
        elif count > 2 * ELEMENTS:
            page.write("".join((*_WITHIN(element), *_AFTER(element))))
            return
        elif _is_hidden(element):
            walk.skip_subtree()
            page.tight |= any(paragraphs.sets_no_margins(sheet.text) for sheet in element.iter("style"))
            page.enter(containers.Region.BODY)
        else:
            _open(page, element)


def _open(page: HtmlPage, element: Element) -> None:
    """Start an element: line break, list or picture, then its text."""
    tag = element.tag
    if tag in _BLOCKS:
        page.end_line(even_empty=False)
    if _is_spaced(page, element):
        page.space()
    page.enter(containers.part_of(element), by_client=bool(element.attrib))
    if tag in ("ul", "ol"):
        page.begin_list(ordered=tag == "ol")
    page.preformatted += tag == "pre"
    _mark(page, element)
    page.write(element.text)


def _mark(page: HtmlPage, element: Element) -> None:
    """Write the element's own text: a line break, a bullet, a rule or an emoji."""
    match element.tag:
        case "br":
            page.end_line()
        case "li":
            page.begin_item()
        case "td" | "th":
            page.write(" ")
        case "hr":
            page.write("-----")
        case "img":
            page.write(_emoji(element.get("alt", "")))


def _close(page: HtmlPage, element: Element) -> None:
    """End an element and add the text after it."""
    tag = element.tag
    if not _is_hidden(element):
        if tag == "a" and page.is_authors:
            page.write(links.target(element))
        if tag in _BLOCKS:
            page.end_line(even_empty=False)
        if tag in ("ul", "ol"):
            page.end_list()
        page.preformatted -= tag == "pre"
    page.leave()
    if _is_spaced(page, element):
        page.space()
    page.write(element.tail)


def _is_spaced(page: HtmlPage, element: Element) -> bool:
    """True for an element with a blank line above and below it."""
    is_tight = element.tag == "p" and paragraphs.is_tight(element, by_sheet=page.tight)
    return element.tag in _SPACED and not is_tight


def _is_hidden(element: Element) -> bool:
    """True for an element that no reader sees."""
    style = element.get("style")
    return element.tag in _INVISIBLE or (bool(style) and "display:none" in style[:500].replace(" ", "").lower())


def _emoji(alt: str) -> str:
    """The alt text of a picture that stands for an emoji."""
    return alt if len(alt) <= _EMOJI and not alt.isascii() else ""
