"""Text of a message as shown in a mail: words, mentions and links."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from mailtalk import mentions
from mailtalk.mail import urls

SHOWN = 200  # mentions and links of one message; further ones are plain text
_UNSEEN = (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = dict.fromkeys(_UNSEEN)


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A piece of text; `kind` is text, mention, you (a mention of the reader) or link."""

    kind: str
    text: str
    url: str | None = None


def clean(text: str) -> str:
    """Clean text for a mail's body: no control characters, and none that change the direction of later text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


def of(text: str, reader_id: str | None = None, names: Mapping[str, str] | None = None) -> tuple[TextSpan, ...]:
    """Split a text into spans; `names` are those of users whom a plain @Name mentions, by user id."""
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
    for first, last in urls.find(text, start, end):
        yield first, last, TextSpan("link", text[first:last], text[first:last])
