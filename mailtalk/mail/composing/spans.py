"""A message's text as a mail shows it: words, mentions and links."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mailtalk import mentions

SHOWN = 200  # mentions and links of one message; what is beyond them is plain text
_LINK = r"(?P<link>https?://[^\s<>\"\u3000-\u3002\uff08\uff09「」]{3,2000})"
_TAIL = ".,;:!?'*_"
_UNSEEN = (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = dict.fromkeys(_UNSEEN)


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A piece of text; `kind` is text, mention, you (a mention of the reader) or link."""

    kind: str
    text: str
    url: str | None = None


def clean(text: str) -> str:
    """Foreign text for a mail's body: no control characters, and nothing that turns the direction of what follows."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


def of(text: str, reader_id: str | None = None, names: Mapping[str, str] | None = None) -> tuple[TextSpan, ...]:
    """Part a text; `names` leads from a lower-case name to the id of a user whom a plain @Name mentions."""
    found, end = list[TextSpan](), 0
    for match in _pattern(tuple(names or ())).finditer(text):
        if len(found) >= 2 * SHOWN:
            break
        span = _span(match, reader_id, names or {})
        found += [TextSpan("text", text[end : match.start()]), span]
        end = match.start() + (len(span.text) if span.kind == "link" else len(match[0]))
    found.append(TextSpan("text", mentions.plain(text[end:])))
    return tuple(span for span in found if span.text)


def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    plain = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    named = rf"|(?<!\w)@(?P<plain>{plain})(?!\w)" if plain else ""
    return re.compile(rf"{mentions.MARKUP}|{_LINK}{named}", re.IGNORECASE)


def _span(match: re.Match[str], reader_id: str | None, names: Mapping[str, str]) -> TextSpan:
    if match.lastgroup == "link":
        url = _trimmed(match["link"])
        return TextSpan("link", url, url)
    if match.lastgroup == "plain":
        return TextSpan("you" if names.get(match["plain"].lower(), "") == reader_id else "mention", match[0])
    return TextSpan("you" if match["id"] == reader_id else "mention", f"@{match['name'] or match['id']}")


def _trimmed(url: str) -> str:
    """A URL without the punctuation of the sentence around it."""
    url = url.rstrip(_TAIL)
    return url[:-1].rstrip(_TAIL) if url.endswith(")") and "(" not in url else url
