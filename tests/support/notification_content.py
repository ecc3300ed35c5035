"""Contents of notifications, and the text and HTML of the mails made of them."""

import email
import re
from datetime import UTC, datetime
from typing import Any

from mailtalk.mail.composing import compose, link_slots, sample, style
from mailtalk.mail.composing.content import NotificationContent, ShownMessage
from mailtalk.mail.composing.texts import language

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLAIN = style.Style(link="https://app.example/c/{conversationId}")


def content(*texts: str, **changed: Any) -> NotificationContent:
    lines = tuple(ShownMessage("Alice", text, AT) for text in texts)
    fields = {"lines": lines, "count": len(lines), "subject": "Hello", "app": "Demo", "may_reply": True}
    fields |= {"style": PLAIN, "language": language("en", None)} | changed
    return NotificationContent(**fields)


def parts(made: NotificationContent, links: dict[str, str | None] | None = None) -> tuple[str, str]:
    raw = link_slots.filled(compose.body(made).pieces, dict(sample.LINKS) if links is None else links)
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    mail: Any = email.message_from_bytes(raw)
    assert not mail.defects
    assert mail.get_content_type() == "multipart/alternative"
    text, html = (part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in mail.get_payload())
    return text, html
