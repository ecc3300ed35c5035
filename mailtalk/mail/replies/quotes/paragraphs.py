"""Blank lines around HTML paragraphs: none where the style sheet or the paragraph itself sets no margins."""

import re

from mailtalk.mail.replies.quotes.containers import Element

_SHEET = re.compile(
    r"(?:^|[\s,{}>;])p(?:\.msonormal)?\s{0,9}(?:,[^{}]{0,200})?\{[^{}]{0,300}?margin(?:-top|-bottom)?\s{0,9}:\s{0,9}0",
    re.IGNORECASE,
)
_MARGINS = re.compile(r"margin(?:-top|-bottom)?\s{0,9}:([^;]{0,40})", re.IGNORECASE)
_WORD = "msonormal"  # the class of Word's paragraphs, whose margins are 0 in every version
_LARGEST = 20_000  # characters of a style sheet that are searched


def sets_no_margins(sheet: str | None) -> bool:
    """True for a style sheet by which paragraphs follow each other without a blank line."""
    return bool(_SHEET.search((sheet or "")[:_LARGEST]))


def is_tight(paragraph: Element, *, by_sheet: bool) -> bool:
    """True for a paragraph without margins: by its style, else by its class, else by the style sheet."""
    if not paragraph.attrib:
        return by_sheet
    margins = _MARGINS.findall(paragraph.get("style", "")[:500])
    if margins:
        return not any(digit in "123456789" for margin in margins for digit in margin)
    return by_sheet or (paragraph.get("class") or "").lower().endswith(_WORD)
