"""Notification mails as bytes: a body rendered once for many readers, plus each reader's headers and links."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

from jinja2 import Template

from mailtalk.mail.composing import headers, style
from mailtalk.mail.composing.content import CUT, NotificationContent, view
from mailtalk.mail.composing.headers import NotificationHeaders
from mailtalk.mail.composing.link_slots import BrokenSlot, Pieces, filled, merged, part, size
from mailtalk.mail.composing.sandbox import TemplateRefused, rendered

LARGEST = 98_000  # bytes of the HTML part before the links; Gmail clips mails above 102 kB
LINES = 50  # messages in one mail

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RenderedBody:
    """The MIME body of a notification, and the subject that belongs to it."""

    subject: str
    pieces: Pieces

    @property
    def content_type(self) -> bytes:
        """Last header field of the mail, and the empty line after it."""
        return b"".join(piece for piece in self.pieces[:1] if isinstance(piece, bytes))

    @property
    def parts(self) -> Pieces:
        """MIME parts, which follow the header."""
        return self.pieces[1:]


def mail(fields: NotificationHeaders, body: RenderedBody) -> bytes:
    """The complete mail, with CRLF line ends."""
    return head(fields, body) + filled(body.parts, fields.links)


def head(fields: NotificationHeaders, body: RenderedBody) -> bytes:
    """The mail's header with CRLF line ends and the empty line after it."""
    return headers.head(fields, body.subject) + body.content_type


@lru_cache(maxsize=64)
def body(content: NotificationContent) -> RenderedBody:
    """Render the text and HTML parts. If an app's template fails, the built-in one is used and the error is logged."""
    return alternatives(subject(content), *_fitting(content))


def alternatives(subject: str, text: Pieces, html: Pieces) -> RenderedBody:
    """Body of the two encoded parts; equal parts give equal bytes."""
    boundary = f"=_{sha256(repr((text, html)).encode()).hexdigest()[:32]}"
    delimiter = f"--{boundary}\r\n".encode()
    content_type = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode()
    end = f"--{boundary}--\r\n".encode()
    return RenderedBody(subject, (content_type, *merged(delimiter, *text, delimiter, *html, end)))


def subject(content: NotificationContent) -> str:
    """Subject, equal for all mails of a conversation, since mail clients use it for threading."""
    values = {key: value for key, value in view(replace(content, lines=())).items() if key in {"app", "subject"}}
    own = content.style.template("subject")
    return (own and _tried(own, values)) or str(values["subject"])


def sender(content: NotificationContent, names: tuple[str, ...]) -> str:
    """The From display name: the authors via the app; with privacy, only the app."""
    app = headers.name(content.app, headers.NAME_LIMIT // 2)
    if content.style.privacy or not any(names):
        return app
    shown = headers.name(", ".join(names[:3]), headers.NAME_LIMIT // 2 - 10)
    shown += f" +{len(names) - 3}" if len(names) > 3 else ""  # noqa: PLR2004  three are named
    own = content.style.template("sender")
    tried = own and _tried(own, {"app": app, "names": shown})
    return tried or content.language.say("sender", names=shown, app=app)


def _fitting(content: NotificationContent) -> tuple[Pieces, Pieces]:
    """Both parts with as many of the newest messages as fit; if the last one alone is too large, it is shortened."""
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
    yield style.default(name)


def _tried(template: Template, values: dict[str, str]) -> str | None:
    try:
        return headers.clean(rendered(template, values), headers.SUBJECT_LIMIT) or None
    except TemplateRefused as error:
        log.warning("a template of an app fails, ours is used: %s", error)
        return None
