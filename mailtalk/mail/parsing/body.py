"""Body part selection: which parts are text, HTML or attachments (JMAP, RFC 8621 4.1.4)."""

from dataclasses import dataclass, field

from mailtalk.mail.parsing import calendars
from mailtalk.mail.parsing.mime import MimePart

_WORDS = {"text/plain", "text/html"}
_RICH_TEXT = {"application/rtf", "application/x-rtf"}


@dataclass(slots=True)
class BodyParts:
    """Leaf parts in reading order; `text` and `html` are two forms of the same content."""

    text: list[MimePart] = field(default_factory=list)
    html: list[MimePart] = field(default_factory=list)
    attachments: list[MimePart] = field(default_factory=list)


def choose(root: MimePart) -> BodyParts:
    """Select the body parts of a mail; an unparsable multipart counts as text."""
    body = BodyParts()
    _take([root], "mixed", body, both=True)
    return body


def _take(parts: list[MimePart], kind: str, body: BodyParts, *, both: bool) -> None:
    """`both`: outside multipart/alternative a part is the only form, so it belongs to both lists."""
    shown = _shown(parts)
    for part in parts:
        if part.content_type == "multipart/alternative":
            _take_alternative(part, body)
        elif part.children:
            _take(part.children, part.content_type.partition("/")[2], body, both=both)
        elif _is_words(part, kind, first=part is shown):
            _take_words(part, body, both=both)
        else:
            body.attachments.append(part)


def _take_alternative(part: MimePart, body: BodyParts) -> None:
    """Drop forms that we do not need (watch, AMP, RTF, enriched text) if there is a text or HTML."""
    inner = BodyParts()
    _take(part.children, "alternative", inner, both=False)
    has_words = bool(inner.text or inner.html)
    body.attachments += [file for file in inner.attachments if not (has_words and _is_form(file, part))]
    body.text += inner.text or inner.html
    body.html += inner.html or inner.text


def _is_form(file: MimePart, alternative: MimePart) -> bool:
    """True for another form of the words: a child of the alternative that is neither named nor a calendar."""
    if not any(file is child for child in alternative.children) or file.disposition == "attachment":
        return False
    is_text = file.content_type.startswith("text/") or file.content_type in _RICH_TEXT
    return file.content_type not in calendars.TYPES and (is_text or not file.filename())


def _take_words(part: MimePart, body: BodyParts, *, both: bool) -> None:
    if both or part.content_type == "text/plain":
        body.text.append(part)
    if both or part.content_type == "text/html":
        body.html.append(part)


def _shown(parts: list[MimePart]) -> MimePart | None:
    """The part that mail clients show first."""
    return next((part for part in parts if part.children or part.content_type in _WORDS), None)


def _is_words(part: MimePart, kind: str, *, first: bool) -> bool:
    """True for body text; all but the first part are files if they have a name or belong to multipart/related."""
    if part.content_type not in _WORDS or part.disposition == "attachment":
        return False
    return first or (kind != "related" and not part.filename())
