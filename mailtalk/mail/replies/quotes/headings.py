"""Lines that announce a header block or a quote: "----- Mail original -----" in any language, or "Original" alone."""

import re
from collections.abc import Iterator

from mailtalk.mail.replies.quotes.line_kinds import Kind
from mailtalk.mail.replies.quotes.locales import PHRASES

_FRAMED = re.compile(r"[-_=*]{3,80}\s{0,9}[^\W_][^-_=*]{0,60}[-_=*]{3,80}")
_BELOW = {Kind.HEADER: Kind.HEADER, Kind.MARKER: Kind.ORIGINAL, Kind.QUOTE: Kind.ATTRIBUTION}


def find(folded: list[str], letters: list[str]) -> Iterator[tuple[int, Kind]]:
    """Find the announcing lines, each with its code by what it announces."""
    below = ""
    for at in range(len(folded) - 1, -1, -1):
        if letters[at] == Kind.TEXT and below in _BELOW and _announces(folded[at], below):
            yield at, _BELOW[Kind(below)]
        below = below if letters[at] in (Kind.EMPTY, Kind.RULE) else letters[at]


def _announces(folded: str, below: str) -> bool:
    return bool(_FRAMED.fullmatch(folded)) or (below == Kind.HEADER and folded.rstrip(":\uff1a ") in PHRASES.original)
