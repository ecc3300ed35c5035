"""A message's text as a mail shows it: words, mentions and links."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from mailtalk import mentions

SHOWN = 200  # mentions and links of one message; what is beyond them is plain text
_LINK = re.compile(r"https?://[^\s<>\"\u3000-\u3002\uff08\uff09「」]{3,2000}", re.IGNORECASE)
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
    """Part a text; `names` are those of users whom a plain @Name mentions, by user id."""
    spans, end = list[TextSpan](), 0
    for start, stop, span in islice(_marks(text, reader_id, names or {}), SHOWN):
        spans += [TextSpan("text", text[end:start]), span]
        end = stop
    spans.append(TextSpan("text", mentions.plain(text[end:])))
    return tuple(span for span in spans if span.text)


def _marks(text: str, reader_id: str | None, names: Mapping[str, str]) -> Iterator[tuple[int, int, TextSpan]]:
    """Mentions, and the links between them, each with its start and end."""
    end = 0
    for mention in mentions.find(text, names):
        yield from _links(text, end, mention.start)
        kind = "you" if reader_id in mention.user_ids else "mention" if mention.user_ids else "text"
        yield mention.start, mention.end, TextSpan(kind, mention.text)
        end = mention.end
    yield from _links(text, end, len(text))


def _links(text: str, start: int, end: int) -> Iterator[tuple[int, int, TextSpan]]:
    for match in _LINK.finditer(text, start, end):
        url = _trimmed(match[0])
        yield match.start(), match.start() + len(url), TextSpan("link", url, url)


def _trimmed(url: str) -> str:
    """A URL without the punctuation of the sentence around it."""
    url = url.rstrip(_TAIL)
    return url[:-1].rstrip(_TAIL) if url.endswith(")") and "(" not in url else url
