"""Preview: a mail as it would be made, and its HTML forced into the light or the dark."""

import email
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mailtalk.mail.composing import compose, sample
from mailtalk.mail.composing.content import NotificationContent
from mailtalk.mail.composing.headers import NotificationHeaders, label

DOMAIN = "reply.example"


@dataclass(frozen=True)
class Preview:
    """Mail as it would be sent, and its parts."""

    source: bytes
    sender: str
    subject: str
    text: str
    html: str


def preview_of(content: NotificationContent, names: tuple[str, ...]) -> Preview:
    """Make the mail; `names` are its senders."""
    body = compose.body(content)
    headers = NotificationHeaders(
        sender_name=compose.sender(content, names),
        sender=f"notify@{DOMAIN}",
        reader_name="Bob",
        reader="bob@example.com",
        reply_to=f"preview@{DOMAIN}" if content.may_reply else None,
        unsubscribe=f"preview@{DOMAIN}",
        message_id=f"<n.{UUID(int=0).hex}@{DOMAIN}>",
        references=(f"<c.{label('preview')}@{DOMAIN}>",),
        thread=label("preview"),
        feedback="preview:preview:notification:mailtalk",
        domain=DOMAIN,
        at=sample.AT,
        links=_links(content),
    )
    source = compose.mail(headers, body)
    message: Any = email.message_from_bytes(source)
    text, html = (part.get_payload(decode=True).decode() for part in message.get_payload())
    return Preview(source, headers.sender_name, body.subject, text, html)


def in_scheme(scheme: str, html: str) -> str:
    """Force a page into one colour scheme: browsers do not set one per frame."""
    dark = "(prefers-color-scheme: dark)"
    return html.replace(dark, "all" if scheme == "dark" else "not all")


def _links(content: NotificationContent) -> Mapping[str, str | None]:
    return {**sample.LINKS, "conversation": content.style.link_for("kitchen", sample.READER)}
