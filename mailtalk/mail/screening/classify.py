"""Classification of inbound mail: person, bounce, complaint, auto-reply, list or loop. The first matching rule wins.

Rules are ordered from reliable to vague: a report's own type comes before its sender, and a null envelope sender comes
last, since vacation programs use it too (RFC 3834 3.1).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mailtalk.mail.parsing import headers
from mailtalk.mail.parsing.parse import ParsedMail
from mailtalk.mail.screening import signals
from mailtalk.vocabulary import Verdict

_HOPS = 50
_LOOKED_AT = 4000


@dataclass(frozen=True, slots=True)
class Classification:
    """The verdict and its evidence for the operator, e.g. `auto-submitted: auto-replied`, `null-sender`."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class MailContext:
    """Facts from outside the mail: its MAIL FROM, and our reply domain, which is also the X-Loop of our own mails."""

    mail_from: str
    own_domain: str


def classify(mail: ParsedMail, *, mail_from: str, own_domain: str = "") -> Classification:
    """Classify a mail; `mail_from` is "" or "<>" for the null sender; our own mails need `own_domain` to be known."""
    envelope = MailContext(mail_from.strip("<> "), own_domain.lower())
    for verdict, rule in _RULES:
        reason = rule(mail, envelope)
        if reason:
            return Classification(verdict, reason[:200])
    return Classification(Verdict.PERSON, "")


def _own_loop(mail: ParsedMail, envelope: MailContext) -> str:
    if envelope.own_domain and envelope.own_domain in map(str.lower, mail.all("x-loop")):
        return "x-loop"
    senders = [address for address in (*mail.from_addresses, envelope.mail_from) if address]
    if envelope.own_domain and envelope.own_domain in map(_domain, senders):
        return "own-domain"
    return "too-many-hops" if len(mail.all("received")) > _HOPS else ""


def _reply_address(mail: ParsedMail, _: MailContext) -> str:
    """Mail from the reply address of another reply-by-email system."""
    sender = next((address for address in mail.from_addresses if signals.REPLY_ADDRESS.match(address)), "")
    return "from: a reply address" if sender else ""


def _complaint(mail: ParsedMail, _: MailContext) -> str:
    """Abuse Reporting Format (RFC 5965), and the senders of older formats."""
    if "feedback-report" in (_report_type(mail), *_part_kinds(mail)):
        return "feedback-report"
    sender = next((address for address in mail.from_addresses if address.lower() in signals.COMPLAINERS), "")
    return f"from: {sender}" if sender and "rfc822" in _part_kinds(mail) else ""


def _delivery_report(mail: ParsedMail, _: MailContext) -> str:
    """Delivery status notification (RFC 3464); inside multipart/mixed it may be one that a person forwards."""
    if _report_type(mail) in signals.DELIVERY_REPORTS:
        return "delivery-status"
    reports = signals.DELIVERY_REPORTS.intersection(_part_kinds(mail))
    return "delivery-status" if reports and (_is_report(mail) or not _answers(mail)) else ""


def _bounce_header(mail: ParsedMail, _: MailContext) -> str:
    return next((name for name, _ in mail.headers if name in signals.BOUNCE_HEADERS), "")


def _daemon(mail: ParsedMail, envelope: MailContext) -> str:
    senders = (*mail.from_addresses, envelope.mail_from, (mail.header("return-path") or "").strip("<> "))
    sender = next((address for address in senders if _local(address) in signals.DAEMONS), "")
    if sender:
        return f"from: {sender}"
    author = mail.header("from") or ""
    return f"from: {author}" if signals.DAEMON_NAME.match(author) else ""


def _postmaster(mail: ParsedMail, envelope: MailContext) -> str:
    """A postmaster that quotes an SMTP reply, or does not answer us: it may also be a person."""
    senders = (*mail.from_addresses, envelope.mail_from)
    sender = next((address for address in senders if _local(address) in signals.POSTMASTERS), "")
    if not sender or (_answers(mail) and not signals.SERVER_SAID.search((mail.text or "")[:_LOOKED_AT])):
        return ""
    return f"from: {sender}"


def _no_reply(mail: ParsedMail, _: MailContext) -> str:
    sender = next((address for address in mail.from_addresses if _local(address) in signals.NO_REPLY), "")
    return f"from: {sender}" if sender and not _answers(mail) else ""


def _bounce_subject(mail: ParsedMail, _: MailContext) -> str:
    return "" if _answers(mail) else _said(signals.BOUNCE_SUBJECT.match(mail.subject))


def _auto_reply_subject(mail: ParsedMail, _: MailContext) -> str:
    return _said(signals.AUTO_REPLY_SUBJECT.match(mail.subject))


def _notification(mail: ParsedMail, _: MailContext) -> str:
    """Amazon SES reports bounces as JSON."""
    return "ses-notification" if signals.SES.search((mail.text or "")[:_LOOKED_AT]) else ""


def _report(mail: ParsedMail, _: MailContext) -> str:
    """Any other multipart/report, such as a read receipt (RFC 8098)."""
    return f"report: {_report_type(mail)}" if _is_report(mail) else ""


def _list(mail: ParsedMail, envelope: MailContext) -> str:
    """Mailing list mail, except an answer to a mail of ours that came through a list (mostly Google Groups)."""
    mark = _field(signals.LISTS, mail, envelope)
    return "" if mark and _answers_us(mail, envelope) else mark


def _bulk(mail: ParsedMail, envelope: MailContext) -> str:
    """Bulk mail; old lists use the same header."""
    by_list = _field(signals.LISTS, mail, envelope) or _field(signals.LIST_SENDERS, mail, envelope)
    return "" if by_list and _answers_us(mail, envelope) else _field(signals.BULK, mail, envelope)


def _null_sender(_: ParsedMail, envelope: MailContext) -> str:
    return "" if envelope.mail_from else "null-sender"


def _field(table: signals.Values, mail: ParsedMail, _: MailContext) -> str:
    """The first field whose value matches the table."""
    for name, value in mail.headers:
        pattern = table.get(name)
        if pattern and pattern.match(value):
            return f"{name}: {value}"
    return ""


def _said(found: re.Match[str] | None) -> str:
    return f"subject: {found[0].strip()}" if found else ""


def _type(mail: ParsedMail) -> tuple[str, dict[str, str]]:
    return headers.parameters(mail.header("content-type") or "")


def _is_report(mail: ParsedMail) -> bool:
    return _type(mail)[0] == "multipart/report"


def _report_type(mail: ParsedMail) -> str:
    kind, parameters = _type(mail)
    return parameters.get("report-type", "").lower() if kind == "multipart/report" else ""


def _part_kinds(mail: ParsedMail) -> list[str]:
    parts = (item.content_type.partition("/") for item in mail.attachments)
    return [kind for family, _, kind in parts if family == "message"]


def _answers(mail: ParsedMail) -> bool:
    return bool(mail.header("in-reply-to") or mail.header("references"))


def _answers_us(mail: ParsedMail, envelope: MailContext) -> bool:
    answered = " ".join((*mail.all("in-reply-to"), *mail.all("references"))).lower()
    return bool(answered) and envelope.own_domain in answered


def _local(address: str) -> str:
    return address.partition("@")[0].lower()


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


_RULES: tuple[tuple[Verdict, Callable[[ParsedMail, MailContext], str]], ...] = (
    (Verdict.LOOP, _own_loop),
    (Verdict.LOOP, _reply_address),
    (Verdict.COMPLAINT, _complaint),
    (Verdict.BOUNCE, _delivery_report),
    (Verdict.BOUNCE, _bounce_header),
    (Verdict.BOUNCE, _daemon),
    (Verdict.BOUNCE, _bounce_subject),
    (Verdict.BOUNCE, partial(_field, signals.FAILURES)),
    (Verdict.BOUNCE, _notification),
    (Verdict.AUTO_REPLY, partial(_field, signals.AUTO_REPLIES)),
    (Verdict.AUTO_REPLY, _auto_reply_subject),
    (Verdict.BOUNCE, _postmaster),
    (Verdict.AUTO_GENERATED, partial(_field, signals.AUTO_GENERATED)),
    (Verdict.AUTO_GENERATED, _report),
    (Verdict.AUTO_GENERATED, _no_reply),
    (Verdict.AUTO_GENERATED, _bulk),
    (Verdict.LIST, _list),
    (Verdict.BOUNCE, _null_sender),
)
