"""Classification of inbound mail: person, bounce, complaint, auto-reply, list or loop. The first matching rule wins.

Rules are ordered from reliable to vague: a report's own type comes before its sender, and a null envelope sender comes
last, since vacation programs use it too (RFC 3834 3.1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mailtalk.mail.parsing.parse import ParsedMail
from mailtalk.mail.screening import facts, phrases, signals
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
    own_mailbox: str = ""

    def is_ours(self, sender: str) -> bool:
        """True for any sender at our domain; if one mailbox of it is ours, for that mailbox, with or without a tag."""
        if facts.domain(sender) != self.own_domain:
            return False
        return not self.own_mailbox or facts.local(sender).partition("+")[0] == self.own_mailbox


def classify(mail: ParsedMail, *, mail_from: str, own_domain: str = "", own_mailbox: str = "") -> Classification:
    """Classify a mail; `mail_from` is "" or "<>" for the null sender; our own mails need `own_domain` to be known."""
    envelope = MailContext(mail_from.strip("<> "), own_domain.lower(), own_mailbox.lower())
    for verdict, rule in _RULES:
        reason = rule(mail, envelope)
        if reason:
            return Classification(verdict, reason[:200])
    return Classification(Verdict.PERSON, "")


def _own_loop(mail: ParsedMail, envelope: MailContext) -> str:
    if envelope.own_domain and envelope.own_domain in map(str.lower, mail.all("x-loop")):
        return "x-loop"
    senders = [address for address in (*mail.from_addresses, envelope.mail_from) if address]
    if envelope.own_domain and any(map(envelope.is_ours, senders)):
        return "own-domain"
    return "too-many-hops" if len(mail.all("received")) > _HOPS else ""


def _reply_address(mail: ParsedMail, _: MailContext) -> str:
    """Mail from the reply address of another reply-by-email system."""
    sender = next((address for address in mail.from_addresses if signals.REPLY_ADDRESS.match(address)), "")
    return "from: a reply address" if sender else ""


def _complaint(mail: ParsedMail, _: MailContext) -> str:
    """Abuse Reporting Format (RFC 5965), and the senders of older formats."""
    if signals.COMPLAINTS & {facts.report_type(mail), *facts.part_kinds(mail)}:
        return "feedback-report"
    header = facts.field(signals.COMPLAINT_HEADERS, mail)
    if header:
        return header
    sender = next((address for address in mail.from_addresses if address.lower() in signals.COMPLAINERS), "")
    return f"from: {sender}" if sender and "rfc822" in facts.part_kinds(mail) else ""


def _delivery_report(mail: ParsedMail, _: MailContext) -> str:
    """Delivery status notification (RFC 3464); inside multipart/mixed it may be one that a person forwards."""
    if facts.report_type(mail) in signals.DELIVERY_REPORTS:
        return "delivery-status"
    reports = signals.DELIVERY_REPORTS.intersection(facts.part_kinds(mail))
    return "delivery-status" if reports and (facts.is_report(mail) or not facts.answers(mail)) else ""


def _bounce_header(mail: ParsedMail, _: MailContext) -> str:
    return next((name for name, _ in mail.headers if name in signals.BOUNCE_HEADERS), "")


def _daemon(mail: ParsedMail, envelope: MailContext) -> str:
    senders = (*mail.from_addresses, envelope.mail_from, (mail.header("return-path") or "").strip("<> "))
    sender = next((address for address in senders if facts.local(address) in signals.DAEMONS), "")
    if sender:
        return f"from: {sender}"
    author = mail.header("from") or ""
    return f"from: {author}" if signals.DAEMON_NAME.match(author) else ""


def _postmaster(mail: ParsedMail, envelope: MailContext) -> str:
    """Mail from a postmaster that quotes an SMTP reply, or is not an answer to us: others may be a person's."""
    senders = (*mail.from_addresses, envelope.mail_from)
    sender = next((address for address in senders if facts.local(address) in signals.POSTMASTERS), "")
    if not sender or (facts.answers(mail) and not signals.SERVER_SAID.search((mail.text or "")[:_LOOKED_AT])):
        return ""
    return f"from: {sender}"


def _no_reply(mail: ParsedMail, _: MailContext) -> str:
    sender = _no_reply_sender(mail)
    return f"from: {sender}" if sender and not facts.answers(mail) else ""


def _no_reply_sender(mail: ParsedMail) -> str:
    return next((address for address in mail.from_addresses if facts.local(address) in signals.NO_REPLY), "")


def _bounce_subject(mail: ParsedMail, envelope: MailContext) -> str:
    """Subject of a bounce, if the envelope, the sender or the text agrees; people also write about deliveries."""
    subject = facts.said(signals.BOUNCE_SUBJECT.match(facts.untagged(mail.subject)))
    if not subject or facts.answers(mail):
        return ""
    is_server = not envelope.mail_from or _no_reply_sender(mail) or facts.is_failure(facts.text(mail)[:_LOOKED_AT])
    return subject if is_server or facts.is_returned(mail) else ""


def _bounce_text(mail: ParsedMail, _: MailContext) -> str:
    """Phrases used only by mail or list servers; from a no-reply address, any text about a failed delivery."""
    if facts.answers(mail) and not mail.all("x-mlserver"):
        return ""
    begin = facts.text(mail)[: facts.BEGIN]
    notice = phrases.NOTICE.search(begin)
    if notice is None and _no_reply_sender(mail) and facts.is_failure(begin):
        return "text of a failure"
    return f"text: {notice[0].strip()}" if notice else ""


def _auto_reply_subject(mail: ParsedMail, _: MailContext) -> str:
    """Subject of an automatic reply, if the mail is an answer or its text mentions an absence."""
    subject, is_answer = facts.untagged(mail.subject), False
    if not signals.AUTO_REPLY_SUBJECT.match(subject) and (prefix := phrases.ANSWER.match(subject)):
        subject, is_answer = facts.untagged(subject[prefix.end() :]), True
    found = signals.AUTO_REPLY_SUBJECT.match(subject)
    is_automatic = bool(facts.field(signals.AUTO_GENERATED, mail)) or facts.is_absent(mail)
    return facts.said(found) if is_automatic or (facts.answers(mail) and not is_answer) else ""


def _recall(mail: ParsedMail, _: MailContext) -> str:
    """Outlook's request to recall a mail: a program's notice."""
    is_recall = phrases.RECALL_SUBJECT.match(facts.untagged(mail.subject))
    return "recall" if is_recall and phrases.RECALL.search(facts.text(mail)[:_LOOKED_AT]) else ""


def _automatic(mail: ParsedMail, _: MailContext) -> str:
    """A header of automatic mail; a calendar program sends a person's invitation with one too."""
    return "" if facts.is_calendar(mail) else facts.field(signals.AUTO_GENERATED, mail)


def _notification(mail: ParsedMail, _: MailContext) -> str:
    """Amazon SES reports bounces as JSON, alone or within JSON."""
    return "ses-notification" if signals.SES.search(facts.text(mail)[:_LOOKED_AT]) else ""


def _report(mail: ParsedMail, _: MailContext) -> str:
    """Any other multipart/report, such as a read receipt (RFC 8098)."""
    return f"report: {facts.report_type(mail)}" if facts.is_report(mail) else ""


def _list(mail: ParsedMail, envelope: MailContext) -> str:
    """Mailing list mail, except an answer to a mail of ours that came through a list (mostly Google Groups)."""
    mark = facts.field(signals.LISTS, mail)
    return "" if mark and facts.answers_us(mail, envelope.own_domain) else mark


def _bulk(mail: ParsedMail, envelope: MailContext) -> str:
    """Bulk mail; old lists use the same header."""
    by_list = facts.field(signals.LISTS, mail) or facts.field(signals.LIST_SENDERS, mail)
    return "" if by_list and facts.answers_us(mail, envelope.own_domain) else facts.field(signals.BULK, mail)


def _absent_null_sender(mail: ParsedMail, envelope: MailContext) -> str:
    """A vacation program without any header of its own (RFC 3834)."""
    return "null-sender, absence" if not envelope.mail_from and facts.answers(mail) and facts.is_absent(mail) else ""


def _null_sender(mail: ParsedMail, envelope: MailContext) -> str:
    """The null sender, except of an answer to us: some forwarders send people's mail with it."""
    is_answer = bool(envelope.own_domain) and facts.answers_us(mail, envelope.own_domain)
    return "" if envelope.mail_from or (is_answer and not facts.is_failure(facts.own_words(mail))) else "null-sender"


def _field(table: signals.Values, mail: ParsedMail, _: MailContext) -> str:
    return facts.field(table, mail)


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
    (Verdict.BOUNCE, _bounce_text),
    (Verdict.AUTO_REPLY, partial(_field, signals.AUTO_REPLIES)),
    (Verdict.AUTO_REPLY, _auto_reply_subject),
    (Verdict.BOUNCE, _postmaster),
    (Verdict.AUTO_GENERATED, _automatic),
    (Verdict.AUTO_GENERATED, _recall),
    (Verdict.AUTO_GENERATED, _report),
    (Verdict.AUTO_GENERATED, _no_reply),
    (Verdict.AUTO_GENERATED, _bulk),
    (Verdict.LIST, _list),
    (Verdict.AUTO_REPLY, _absent_null_sender),
    (Verdict.BOUNCE, _null_sender),
)
