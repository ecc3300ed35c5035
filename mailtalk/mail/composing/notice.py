"""Notices: short mails about a mail that the reader sent (rejected, or "was this you?")."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mailtalk.mail.composing.headers import NAME_LIMIT, SUBJECT_LIMIT, clean
from mailtalk.mail.composing.headers import name as shown_name
from mailtalk.mail.composing.texts import DEFAULT, Language, fill
from mailtalk.vocabulary import DeliveryKind

SHOWN = 2_000  # characters of the reader's text
SUBJECTS = {DeliveryKind.REJECTION: "rejected_subject", DeliveryKind.CONFIRMATION: "asked_subject"}
SAYINGS: Mapping[str, Mapping[str, str]] = {
    path.stem: tomllib.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "notices").glob("*.toml"))
}
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")


class Unmailable(ValueError):
    """The serialized headers differ from the intended ones: foreign text injected a header."""


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
    """What a notice says: `why` names a saying; `until` and `link` are the question's."""

    app: str
    subject: str
    said: str
    why: str = ""
    link: str = ""
    until: datetime | None = None


def mail(kind: DeliveryKind, letter: NoticeHeaders, content: NoticeContent, language: Language) -> bytes:
    """The complete mail, with CRLF line ends."""
    made = EmailMessage(policy=SMTP)
    say = _sayings(content, language)
    fields = _fields(letter, say(SUBJECTS[kind]))
    for name, value in fields:
        made[name] = value
    shown = {
        "language": language.code,
        "say": say,
        "subject": say(SUBJECTS[kind]),
        "said": _excerpt(content.said),
        "why": content.why,
        "link": content.link,
    }
    made.set_content(TEMPLATES.get_template(f"{kind}.txt").render(shown), cte="quoted-printable")
    made.add_alternative(TEMPLATES.get_template(f"{kind}.html").render(shown), subtype="html", cte="quoted-printable")
    return _checked(made.as_bytes(), [name for name, _ in fields])


def _sayings(content: NoticeContent, language: Language) -> Callable[[str], str]:
    values = {
        "app": clean(content.app, NAME_LIMIT),
        "subject": clean(content.subject, SUBJECT_LIMIT),
        "until": language.moment(content.until) if content.until else "",
    }
    texts = SAYINGS.get(language.code, SAYINGS[DEFAULT])
    return lambda key: fill(texts[key], values)


def _fields(letter: NoticeHeaders, subject: str) -> list[tuple[str, object]]:
    answers = letter.answers if letter.answers and _MESSAGE_ID.fullmatch(letter.answers) else None
    fields = [
        ("From", _mailbox(letter.sender_name, letter.sender)),
        ("To", _mailbox(letter.reader_name, letter.reader)),
        ("Subject", clean(subject, SUBJECT_LIMIT)),
        ("Date", format_datetime(letter.at)),
        ("Message-ID", letter.message_id),
        ("In-Reply-To", answers),
        ("References", answers),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Loop", letter.loop_id),
    ]
    return [(name, value) for name, value in fields if value is not None]


def _mailbox(name: str, address: str) -> Address:
    return Address(shown_name(name), addr_spec=address)


def _excerpt(said: str) -> str:
    """The beginning of the text, without control characters."""
    said = "".join(c if c.isprintable() or c == "\n" else " " for c in said).strip()
    return said if len(said) <= SHOWN else f"{said[:SHOWN]} …"


def _checked(made: bytes, names: list[str]) -> bytes:
    head = message_from_bytes(made)
    if [name for name in head if name not in {"MIME-Version", "Content-Type"}] != names:
        raise Unmailable("the headers are not those that were meant")
    return made
