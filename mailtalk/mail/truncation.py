"""Cutting of text: never inside a grapheme cluster (UAX 29), a URL or a mention."""

from collections.abc import Iterator, Mapping

from wcwidth import grapheme_boundary_before, iter_graphemes

from mailtalk import mentions
from mailtalk.mail import urls

_LONGEST = 64  # maximum characters of a grapheme cluster


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, whole grapheme clusters."""
    return text if len(text) <= limit else text[: _boundary(text, limit) or limit]


def first(text: str) -> str:
    """The first grapheme cluster."""
    return next(iter_graphemes(text[:_LONGEST]), "")


def cut(text: str, limit: int, names: Mapping[str, str] | None = None) -> str:
    """At most `limit` characters, with whole URLs and mentions; `names` are those of a plain @Name, by user id."""
    if len(text) <= limit:
        return text
    wholes = sorted(_wholes(text, limit, names), reverse=True)
    at, before = limit, limit + 1
    while at < before:  # a grapheme cluster may end within a URL, and a URL within a cluster
        before, at = at, _boundary(text, at)
        for start, end in wholes:
            at = start if start < at < end else at
    return text[:at] or shortened(text, limit)


def cut_bytes(text: str, limit: int, names: Mapping[str, str] | None = None) -> str:
    """The same for a limit in bytes of UTF-8."""
    fitting = text.encode("utf-8", "surrogatepass")[:limit].decode("utf-8", "ignore")
    return text if len(fitting) == len(text) else cut(text, len(fitting), names)


def _wholes(text: str, limit: int, names: Mapping[str, str] | None) -> Iterator[tuple[int, int]]:
    """Start and end of whatever crosses the limit and must stay whole."""
    around = [(mention.start, mention.end) for mention in mentions.find(text, names)]
    around += urls.find(text, max(limit - urls.LONGEST - len("https://"), 0), limit + urls.LONGEST)
    return ((start, end) for start, end in around if start < limit)


def _boundary(text: str, at: int) -> int:
    """The last boundary of grapheme clusters up to `at`, which is within the text."""
    return grapheme_boundary_before(text, at + 1)
