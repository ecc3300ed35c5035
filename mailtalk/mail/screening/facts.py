"""Facts of a mail for the rules: fields, parts, answers, and phrases in its text."""

import re

from mailtalk.mail.parsing import headers
from mailtalk.mail.parsing.parse import ParsedMail
from mailtalk.mail.screening import phrases, signals

BEGIN = 800  # characters at the start of a text in which an automatic mail identifies itself
_TAGS = 4  # before a subject
_BRACKETS = " \t[]{}<>()*\u3010\u3011"


def field(table: signals.Values, mail: ParsedMail) -> str:
    """The first field whose value matches the table."""
    for name, value in mail.headers:
        pattern = table.get(name)
        if pattern and pattern.match(value):
            return f"{name}: {value}"
    return ""


def untagged(subject: str) -> str:
    """A subject without the tags of gateways, unless a tag says itself that the mail is automatic."""
    for _ in range(_TAGS):
        tag = phrases.TAG.match(subject)
        if tag is None or signals.AUTO_REPLY_SUBJECT.match(subject):
            break
        if signals.AUTO_REPLY_SUBJECT.match(tag[0].strip(_BRACKETS)):
            return subject.lstrip(_BRACKETS)
        subject = subject[tag.end() :]
    return subject


def text(mail: ParsedMail) -> str:
    """The plain text, or the HTML source."""
    return mail.text or mail.html or ""


def is_absent(mail: ParsedMail) -> bool:
    """True if the text mentions an absence, or being automatic."""
    return bool(phrases.ABSENCE.search(own_words(mail)))


def is_failure(text: str) -> bool:
    """True for phrases of mail servers, or for more common ones beside a mail address."""
    return bool(phrases.FAILURE.search(text) or (phrases.RETURN.search(text) and phrases.ADDRESS.search(text)))


def own_words(mail: ParsedMail) -> str:
    """Beginning of the text, without quoted lines."""
    lines = text(mail)[:BEGIN].split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith(">"))


def is_returned(mail: ParsedMail) -> bool:
    """True if somebody's mail is returned as a part."""
    return "rfc822" in part_kinds(mail) or any(part.content_type == "text/rfc822-headers" for part in mail.attachments)


def is_calendar(mail: ParsedMail) -> bool:
    """True for an invitation or an answer to one (RFC 6047)."""
    return any(part.content_type in signals.CALENDARS for part in mail.attachments)


def said(found: re.Match[str] | None) -> str:
    """The matched part of a subject as a reason."""
    return f"subject: {found[0].strip()}" if found else ""


def is_report(mail: ParsedMail) -> bool:
    """True for any multipart/report (RFC 6522)."""
    return _media_type(mail)[0] == "multipart/report"


def report_type(mail: ParsedMail) -> str:
    """The report-type of a multipart/report, "" for another mail."""
    kind, parameters = _media_type(mail)
    return parameters.get("report-type", "").lower() if kind == "multipart/report" else ""


def part_kinds(mail: ParsedMail) -> list[str]:
    """The subtypes of the parts of type message."""
    parts = (item.content_type.partition("/") for item in mail.attachments)
    return [kind for family, _, kind in parts if family == "message"]


def answers(mail: ParsedMail) -> bool:
    """True for an answer to any mail."""
    return bool(mail.header("in-reply-to") or mail.header("references"))


def answers_us(mail: ParsedMail, own_domain: str) -> bool:
    """True for an answer to a mail of ours, or to any mail if our domain is unknown."""
    answered = " ".join((*mail.all("in-reply-to"), *mail.all("references"))).lower()
    return bool(answered) and own_domain in answered


def local(address: str) -> str:
    """The part of an address before the @, in lower case."""
    return address.partition("@")[0].lower()


def domain(address: str) -> str:
    """The part of an address after the @, in lower case."""
    return address.rpartition("@")[2].lower()


def _media_type(mail: ParsedMail) -> tuple[str, dict[str, str]]:
    return headers.parameters(mail.header("content-type") or "")
