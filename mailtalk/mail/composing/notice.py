"""Notices: short mails about a mail that the reader sent (a rejection, or "was this you?")."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from mailtalk.mail import truncation, urls
from mailtalk.mail.composing import built_in, catalogues, spans, style
from mailtalk.mail.composing.headers import NAME_LIMIT, NO_REACTIONS, SUBJECT_LIMIT, clean
from mailtalk.mail.composing.headers import name as shown_name
from mailtalk.mail.composing.sandbox import rendered
from mailtalk.mail.composing.style import Style
from mailtalk.mail.composing.texts import DEFAULT, Language, fill
from mailtalk.mail.replies.marker import QUOTE_CLASS
from mailtalk.vocabulary import DeliveryKind

SHOWN = 2_000  # characters of the reader's text
SHOWN_OF_STRANGER = 300
SUBJECTS = {DeliveryKind.REJECTION: "rejected_subject", DeliveryKind.CONFIRMATION: "asked_subject"}
TEXTS = catalogues.load(Path(__file__).parent / "notices")
_TEMPLATES = {name: style.load(name, source) for name, source in built_in.NOTICE.items()}
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")


class Unmailable(ValueError):
    """The serialized headers differ from the intended ones: text from others injected a header."""


@dataclass(frozen=True, slots=True)
class NoticeHeaders:
    """The headers of a notice; `answers` is the Message-ID of the reader's mail."""

    sender_name: str
    sender: str
    reader_name: str
    reader: str
    message_id: str
    answers: str | None
    at: datetime
    loop_id: str


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """The content of a notice; `why` names a text.

    `link`, `until`, `author` (the From address) and `may_accept` are a question's.
    """

    app: str
    subject: str
    said: str
    why: str = ""
    link: str = ""
    until: datetime | None = None
    author: str = ""
    may_accept: bool = False
    style: Style = style.DEFAULT


def mail(kind: DeliveryKind, headers: NoticeHeaders, content: NoticeContent, language: Language) -> bytes:
    """Complete mail, with CRLF line ends."""
    message = EmailMessage(policy=SMTP)
    say = _texts(content, language)
    fields = _fields(headers, say(SUBJECTS[kind]))
    for name, value in fields:
        message[name] = value
    shown = _view(kind, content, say) | {"language": language.code}
    message.set_content(rendered(_TEMPLATES["text"], shown), cte="quoted-printable")
    message.add_alternative(rendered(_TEMPLATES["html"], shown), subtype="html", cte="quoted-printable")
    return _checked(message.as_bytes(), [name for name, _ in fields])


def excerpt_of_stranger(said: str) -> str:
    """Beginning of the text of somebody else, without anything that a mail program makes a link of."""
    return _excerpt(urls.as_text(said), SHOWN_OF_STRANGER)


def _texts(content: NoticeContent, language: Language) -> Callable[[str], str]:
    values = {
        "app": clean(content.app, NAME_LIMIT),
        "subject": clean(content.subject, SUBJECT_LIMIT),
        "sender": clean(content.author, NAME_LIMIT),
        "until": language.moment(content.until) if content.until else "",
    }
    texts = TEXTS.get(language.code, TEXTS[DEFAULT])
    return lambda key: fill(texts[key], values)


def _view(kind: DeliveryKind, content: NoticeContent, say: Callable[[str], str]) -> dict[str, Any]:
    """Template variables."""
    asks = kind is DeliveryKind.CONFIRMATION
    said = excerpt_of_stranger(content.said) if asks else _excerpt(content.said, SHOWN)
    return {
        "subject": say(SUBJECTS[kind]),
        "title": say("asked_title" if asks else "rejected"),
        "gist": say(content.why),
        "marker": None,
        "paragraphs": [say(content.why)],
        "said": said,
        "said_lines": said.splitlines(),
        "said_label": None if asks else say("yours"),
        "buttons": _buttons(content, say),
        "buttons_label": say("release"),
        "note": say("not_you") if asks else None,
        "app": clean(content.app, NAME_LIMIT),
        "logo": content.style.logo,
        "footer": content.style.footer,
        "colours": content.style.palette,
        "quote_class": QUOTE_CLASS,
    }


def _buttons(content: NoticeContent, say: Callable[[str], str]) -> list[dict[str, str]]:
    """The answers to a question, the most likely first; each leads to a page that asks again: a GET never acts."""
    if not content.link:
        return []
    keys = ("post", *(("always",) if content.may_accept else ()), "reject")
    return [{"label": say(key), "url": content.link + (f"?answer={key}" if key != "post" else "")} for key in keys]


def _fields(headers: NoticeHeaders, subject: str) -> list[tuple[str, object]]:
    answers = headers.answers if headers.answers and _MESSAGE_ID.fullmatch(headers.answers) else None
    fields = [
        ("From", _mailbox(headers.sender_name, headers.sender)),
        ("To", _mailbox(headers.reader_name, headers.reader)),
        ("Subject", clean(subject, SUBJECT_LIMIT)),
        ("Date", format_datetime(headers.at)),
        ("Message-ID", headers.message_id),
        ("In-Reply-To", answers),
        ("References", answers),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
        NO_REACTIONS,
        ("X-Loop", headers.loop_id),
    ]
    return [(name, value) for name, value in fields if value is not None]


def _mailbox(name: str, address: str) -> Address:
    return Address(shown_name(name), addr_spec=address)


def _excerpt(said: str, most: int) -> str:
    """Beginning of the text, without control characters."""
    said = spans.clean(said).strip()
    return said if len(said) <= most else f"{truncation.cut(said, most - 2)} …"


def _checked(raw: bytes, names: list[str]) -> bytes:
    head = message_from_bytes(raw)
    if [name for name in head if name not in {"MIME-Version", "Content-Type"}] != names:
        raise Unmailable("the headers are not those that were meant")
    return raw
