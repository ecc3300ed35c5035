"""Style validation: renders every template of a style with every sample in every language."""

from collections.abc import Iterator, Mapping
from typing import Any

from mailtalk.errors import Invalid
from mailtalk.mail.composing import compose, sample, style
from mailtalk.mail.composing.content import NotificationContent, view
from mailtalk.mail.composing.link_slots import BrokenSlot, part, size
from mailtalk.mail.composing.sandbox import TemplateRefused, compiled, rendered
from mailtalk.mail.composing.style import Style
from mailtalk.mail.composing.texts import TEXTS


def checked(raw: Mapping[str, Any]) -> Style:
    """Validated style; raises Invalid with every reason, and for a template its line."""
    found = style.read(raw)
    wrong = {f"templates.{name}": [reason] for name in found.templates if (reason := _fault(found, name))}
    if wrong:
        raise Invalid(wrong)
    return found


def _fault(found: Style, name: str) -> str | None:
    source = found.templates[name]
    try:
        raw = compiled(source, html=name == "html")  # the original, so that line numbers are right
        ready = style.load(name, source)
        for content in _contents(found):
            values = _values(content, name)
            rendered(raw, values)
            _check(name, rendered(ready, values), content)
    except (TemplateRefused, BrokenSlot) as error:
        return str(error)
    return None


def _contents(found: Style) -> Iterator[NotificationContent]:
    for language in TEXTS:
        yield from sample.contents(found, language).values()


def _values(content: NotificationContent, name: str) -> dict[str, Any]:
    if name == "subject":
        return {"app": content.app, "subject": content.subject}
    return {"app": content.app, "names": "Alice"} if name == "sender" else view(content)


def _check(name: str, text: str, content: NotificationContent) -> None:
    if name not in {"html", "text"}:
        if not text.strip():
            raise TemplateRefused("gives nothing")
        return
    pieces = part(text, html=name == "html")
    if content.may_reply and content.language.say("marker") not in text:
        raise TemplateRefused("must show {{ marker }} above all else, which parts an answer from the mail it quotes")
    if not content.lines and size(pieces) > compose.LARGEST:
        raise TemplateRefused(
            f"gives {size(pieces)} bytes without any message; mail programs cut off more than {compose.LARGEST}"
        )
