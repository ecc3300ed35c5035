"""The kind of a single line, without its neighbours, as one letter."""

import re
from enum import StrEnum

from mailtalk.mail.replies.marker import MARKERS
from mailtalk.mail.replies.quotes.locales import PHRASES, fold

WIDTH = 2_000  # characters of a line that are looked at
DEPTH = 2_000  # lines that are looked at closely
SIGNATURE_MARK = "\ue002"  # the HTML reader marks lines with these, for structure that plain text lacks
QUOTE_MARK = "\ue003"
HEADING_MARK = "\ue004"


class Kind(StrEnum):
    """The letter of a kind of line."""

    EMPTY = "e"
    TEXT = "t"
    CODE = "c"  # text between ``` lines
    QUOTE = "q"  # "> ..."
    ATTRIBUTION = "a"  # "On Monday Alice wrote:"
    HEADER = "h"  # a block of From:, Sent:, To:, Subject:
    ORIGINAL = "o"  # "-----Original Message-----"
    FORWARD = "f"  # "---------- Forwarded message ---------"
    MARKER = "m"  # our own "Write your reply above this line", or a quote's begin that HTML shows
    DASHES = "d"  # "-- ", the signature's delimiter (RFC 3676, 4.3)
    RULE = "r"  # a line drawn with any other characters
    DEVICE = "s"  # "Sent from my phone"
    FOOTER = "l"  # added by lists and virus scanners
    SIGNATURE = "g"  # a signature's element in HTML
    GONE = "-"  # cut already


_DRAWN = "-_=*#~\u2010\u2011\u2012\u2013\u2014\u2015\u2500\u2501"  # dashes of every kind
_LONG_DASHES = ("\u2013", "\u2014")  # substituted by programs for two dashes
_RULE = re.compile(rf"[+\s{re.escape(_DRAWN)}]{{2,}}")
_DASHED = re.compile(rf"[>\s{re.escape(_DRAWN)}]*(?P<words>[^\W_].{{2,80}}?)[\s{re.escape(_DRAWN)}]{{2,}}")
_LINK = re.compile(r"<[^<>]*>|\]\([^()]*\)|[*_\[\]]")
_DEVICES = re.compile(
    r"iphon|ipad|ipod|ios|android|samsung|galaxy|blackberry|phone|mobile|handy|outlook|mail|smart|tablet|huawei|xiaomi"
    r"|redmi|oneplus|pixel|nokia|windows|yahoo|proton|gmail|verizon|at&t|t-mobile|sprint|sony|xperia|htc|motorola|lg|oppo"
    r"|vivo|honor|mac|chromebook|kindle|superhuman|nylas|spike|unibox|postbox|missive|canary|thunderbird|mobil|portable|móvil|celular|телефон|手机|手機|携帯|스마트폰|휴대폰|posta|pošta|poczt|почт|пошт|nine|spark"
)
_MARKERS = frozenset(fold(marker).strip("- ") for marker in MARKERS) | PHRASES.above
_MARKS = {SIGNATURE_MARK: Kind.SIGNATURE, QUOTE_MARK: Kind.MARKER, HEADING_MARK: Kind.ATTRIBUTION}
_INVISIBLE = " \t\r\v\f\xa0\u3000\u200b\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"
_DEVICE_WORDS = 8


def kind_of(line: str) -> Kind:
    """The kind of one line; attributions and header blocks need neighbours and are found later."""
    if line[:1] in _MARKS:
        return _MARKS[line[0]]
    line = line[:WIDTH].strip(_INVISIBLE).strip()
    if not line:
        return Kind.EMPTY
    folded = fold(line)
    return _quoted(line) or _drawn(line) or (_worded(folded) if folded else Kind.EMPTY)


def is_marker(line: str) -> bool:
    """True for our marker line, also within a quote."""
    return fold(line[:WIDTH]).strip(f"{_DRAWN}> ") in _MARKERS


def _quoted(line: str) -> Kind | None:
    return Kind.QUOTE if line[0] == ">" or line.startswith("\uff1e") else None


def _drawn(line: str) -> Kind | None:
    """The kind of a line without words."""
    if line == "--":
        return Kind.DASHES
    return Kind.RULE if line in _LONG_DASHES or _RULE.fullmatch(line) else None


def _worded(folded: str) -> Kind:
    """The kind of a line with the fixed words of a client."""
    if is_marker(folded):
        return Kind.MARKER
    if folded.startswith(PHRASES.footer):
        return Kind.FOOTER
    return _separator(folded) or (Kind.DEVICE if from_device(folded) else Kind.TEXT)


def _separator(folded: str) -> Kind | None:
    """The kind of "--- Original Message ---" and "Begin forwarded message:", also with From: after it."""
    if folded[-1] in ":\uff1a" and folded.rstrip(":\uff1a ") in PHRASES.forwarded:
        return Kind.FORWARD
    found = _DASHED.match(folded) if folded[0] in _DRAWN else None
    words = found["words"].rstrip(":\uff1a ") if found else ""
    if words in PHRASES.original:
        return Kind.ORIGINAL
    return Kind.FORWARD if words.startswith(PHRASES.forwarded) and words else None


def from_device(folded: str) -> bool:
    """True for "Sent from my phone", False for a sentence that starts like it."""
    bare = _LINK.sub("", folded.strip("<>() ")).strip(f"{_DRAWN}.,!。 ")
    if bare.startswith(PHRASES.sent_from):
        prefix = next(word for word in PHRASES.sent_from if bare.startswith(word))
        if _names_device(bare[len(prefix) :], mine=prefix.endswith((" my", " mon", "meinem", " mijn"))):
            return True
    return bare.endswith(PHRASES.sent_from_end) and len(bare.split()) <= _DEVICE_WORDS and bool(_DEVICES.search(bare))


def _names_device(rest: str, *, mine: bool) -> bool:
    """True if a short device name follows "sent from", or any short name after "my"."""
    if len(rest.split()) > _DEVICE_WORDS or rest.rstrip().endswith(("?", ":")):
        return False
    head, comma, _ = rest.partition(",")
    return bool(_DEVICES.search(head)) or (mine and not comma and len(rest.split()) <= _DEVICE_WORDS // 2)
