"""Our mails as bytes: a body of text and HTML, built once for many readers, and the headers and links of each."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

from jinja2 import Template

from mailtalk.mail.composing import headers, style
from mailtalk.mail.composing.content import CUT, NotificationContent, view
from mailtalk.mail.composing.headers import NotificationHeaders
from mailtalk.mail.composing.link_slots import BrokenSlot, Pieces, filled, part, size
from mailtalk.mail.composing.sandbox import TemplateRefused, rendered

LARGEST = 98_000  # bytes of the HTML part before the links; Gmail clips what is above 102 kB
LINES = 50  # messages in one mail

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RenderedBody:
    """All of a mail below its own headers, and the subject, which fits to it."""

    subject: str
    pieces: Pieces


def mail(letter_: NotificationHeaders, body: RenderedBody) -> bytes:
    """The whole mail, CRLF line ends."""
    return headers.head(letter_, body.subject) + filled(body.pieces, letter_.links)


@lru_cache(maxsize=64)
def body(content: NotificationContent) -> RenderedBody:
    """The two parts of one content. Where an app's template fails, ours takes its place, and the log tells why."""
    text, html = _fitting(content)
    boundary = f"=_{sha256(repr((text, html)).encode()).hexdigest()[:32]}"
    delimiter = f"--{boundary}\r\n".encode()
    head = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode()
    end = f"--{boundary}--\r\n".encode()
    return RenderedBody(subject(content), (head, delimiter, *text, delimiter, *html, end))


def subject(content: NotificationContent) -> str:
    """The subject: the same for all mails of a conversation, since mail programs thread by it."""
    values = {key: value for key, value in view(replace(content, lines=())).items() if key in {"app", "subject"}}
    own = content.style.template("subject")
    return (own and _tried(own, values)) or str(values["subject"])


def sender(content: NotificationContent, names: tuple[str, ...]) -> str:
    """Who the mail is from, as its reader sees it: those who wrote, via the app; with privacy the app alone."""
    app = headers.name(content.app, headers.NAME_LIMIT // 2)
    if content.style.privacy or not any(names):
        return app
    shown = headers.name(", ".join(names[:3]), headers.NAME_LIMIT // 2 - 10)
    shown += f" +{len(names) - 3}" if len(names) > 3 else ""  # noqa: PLR2004  three are named
    own = content.style.template("sender")
    tried = own and _tried(own, {"app": app, "names": shown})
    return tried or content.language.say("sender", names=shown, app=app)


def _fitting(content: NotificationContent) -> tuple[Pieces, Pieces]:
    """The parts with as many of the newest messages as fit, and the last one shortened where even it does not."""
    content = replace(content, lines=content.lines[-LINES:])
    html = _part("html", content)
    if size(html) > LARGEST:
        content, cut = _shrunk(content)
        return _part("text", content, cut), _part("html", content, cut)
    return _part("text", content), html


def _shrunk(content: NotificationContent) -> tuple[NotificationContent, int]:
    fits, too_many = 0, len(content.lines)
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        small = size(_part("html", _last(content, middle))) <= LARGEST
        fits, too_many = (middle, too_many) if small else (fits, middle)
    content, cut = _last(content, max(fits, 1)), CUT
    while cut and size(_part("html", content, cut)) > LARGEST:
        cut //= 2
    return content, cut


def _last(content: NotificationContent, count: int) -> NotificationContent:
    return replace(content, lines=content.lines[-count:])


def _part(name: str, content: NotificationContent, cut: int = CUT) -> Pieces:
    values = view(content, cut=cut)
    for template in _templates(name, content):
        try:
            return part(rendered(template, values), html=name == "html")
        except (TemplateRefused, BrokenSlot) as error:
            log.warning("the template %r of an app fails, ours is used: %s", name, error)
    raise AssertionError("our own template fails")


def _templates(name: str, content: NotificationContent) -> Iterator[Template]:
    own = content.style.template(name)
    if own is not None:
        yield own
    yield style.built_in(name)


def _tried(template: Template, values: dict[str, str]) -> str | None:
    try:
        return headers.clean(rendered(template, values), headers.SUBJECT_LIMIT) or None
    except TemplateRefused as error:
        log.warning("a template of an app fails, ours is used: %s", error)
        return None
