"""Digests as bytes: one section for each conversation, each with its own Reply link."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from mailtalk.mail.composing import built_in, compose, content, headers, style
from mailtalk.mail.composing.compose import LARGEST, LINES, RenderedBody
from mailtalk.mail.composing.content import CUT, NotificationContent
from mailtalk.mail.composing.link_slots import Pieces, part, size
from mailtalk.mail.composing.sandbox import rendered

SMALLEST = 200  # bytes to which a message is cut at most
_TEMPLATES = {name: style.load(name, source) for name, source in built_in.DIGEST.items()}


@dataclass(frozen=True, slots=True)
class DigestSection:
    """Section of a digest: a notification's content, and its links; `reply` is a secret inbound address, or None."""

    content: NotificationContent
    reply: str | None
    conversation: str | None
    settings: str


def body(sections: Sequence[DigestSection], unsubscribe: str) -> RenderedBody:
    """Render the text and HTML parts of a digest; with many messages, each section shows fewer and shorter ones."""
    lines, cut = max(LINES // len(sections), 1), CUT
    html = _part("html", sections, unsubscribe, lines, cut)
    while size(html) > LARGEST and (lines > 1 or cut > SMALLEST):
        lines, cut = max(lines // 2, 1), max(cut // 2, SMALLEST)
        html = _part("html", sections, unsubscribe, lines, cut)
    return compose.alternatives(_subject(sections), _part("text", sections, unsubscribe, lines, cut), html)


def sender(sections: Sequence[DigestSection]) -> str:
    """The From display name: the app."""
    return headers.name(sections[0].content.app, headers.NAME_LIMIT // 2)


def _subject(sections: Sequence[DigestSection]) -> str:
    first = sections[0].content
    return first.language.count("digest", len(sections), app=headers.clean(first.app, headers.NAME_LIMIT))


def _part(name: str, sections: Sequence[DigestSection], unsubscribe: str, lines: int, cut: int) -> Pieces:
    return part(rendered(_TEMPLATES[name], _view(sections, unsubscribe, lines, cut)), html=name == "html")


def _view(sections: Sequence[DigestSection], unsubscribe: str, lines: int, cut: int) -> dict[str, Any]:
    """Template variables: those of a notification for each section, and those of the whole."""
    views = [_section(section, lines, cut) for section in sections]
    first, may_reply = sections[0].content, any(section.reply for section in sections)
    say, app = first.language.say, headers.clean(first.app, headers.NAME_LIMIT)
    return {
        **{name: views[0][name] for name in ("app", "language", "logo", "footer", "colours", "gist", "quote_class")},
        "subject": _subject(sections),
        "marker": say("marker") if may_reply else None,
        "sections": views,
        "unsubscribe": unsubscribe,
        "texts": {
            "how": say("digest_how") if may_reply else None,
            "why": say("digest_why", app=app),
            "reply": say("digest_reply"),
            "unsubscribe": say("digest_unsubscribe"),
            **{key: say(key, app=app) for key in ("open", "cut", "settings", "mentions_you")},
        },
    }


def _section(section: DigestSection, lines: int, cut: int) -> dict[str, Any]:
    shown = replace(section.content, lines=section.content.lines[-lines:])
    values = content.view(shown, cut=cut)
    subject = quote(f"Re: {values['subject']}", safe="")  # RFC 6068
    reply = section.reply and f"mailto:{section.reply}?subject={subject}"
    links = {"reply": reply, "conversation": section.conversation, "settings": section.settings}
    return values | {"links": links}
