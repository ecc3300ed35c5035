"""URLs in running text: their start, and their end as a person would see it, in any script."""

import re
from collections.abc import Iterator

LONGEST = 2_000  # characters
# Scripts without spaces between words: a word of theirs after a Latin letter or digit is text again.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3031-\ua4cf\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uff9f"
)
_ENDS = (
    '\\s<>"`\\\\^|\x00-\x1f\x7f-\x9f\u200b\u2018-\u201f\u2026\u2039\u203a\xab\xbb\u3000-\u3004\u3008-\u3030'
    "\uff01\uff08\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3b\uff3d\uff5b\uff5d\uff5f-\uff65"
    "\u0589\u05c3\u060c\u061b\u061f\u06d4\u0964\u0965\u104a\u104b\u17d4\u17d5\u1362\u1367\u1803"
)
_URL = re.compile(rf"https?://(?:[^{_ENDS}{_UNSPACED}]|(?<![A-Za-z0-9])[{_UNSPACED}]){{3,{LONGEST}}}", re.IGNORECASE)
_LINKED = re.compile(  # what programs make links of, bare domains and addresses included
    r"[a-z][a-z0-9+.-]{0,30}://\S+|\b(?:www\.|mailto:|tel:)\S+|(?:[\w-]+[.\u3002\uff0e\uff61])+[^\W\d_]{2,}\S*",
    re.IGNORECASE,
)
_BROKEN = {ord(dot): "[.]" for dot in ".\u3002\uff0e\uff61"} | {ord(":"): "[:]"}
_TAIL = ".,;:!?'*_~"
_OPENERS = {")": "(", "]": "[", "}": "{"}
_SUFFIX = re.compile(r"'[^\W\d_]{1,5}\Z")  # "https://example.com's"


def find(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Start and end of each URL, in order."""
    for match in _URL.finditer(text, start, len(text) if end is None else end):
        yield match.start(), match.start() + len(_trimmed(match[0]))


def as_text(text: str) -> str:
    """Text in which no mail program finds a link: https[:]//evil[.]example."""
    return _LINKED.sub(lambda match: match[0].translate(_BROKEN), text)


def _trimmed(url: str) -> str:
    """URL without the punctuation, brackets and quotes of the sentence around it."""
    url = _SUFFIX.sub("", url)
    while url[-1] in _TAIL or (url[-1] in _OPENERS and url.count(url[-1]) > url.count(_OPENERS[url[-1]])):
        url = url[:-1]
    return url
