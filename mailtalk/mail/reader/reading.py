"""The result of reading a mail, as plain values that can cross a process boundary."""

import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import msgspec

from mailtalk.mail.parsing import headers, parse
from mailtalk.mail.parsing.calendars import Invitation
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.mail.reader import wording
from mailtalk.mail.replies import extract, pictures
from mailtalk.mail.replies.file_secrets import FileSecrets
from mailtalk.mail.replies.quotes.own_mail import OwnAddress
from mailtalk.mail.screening import classify, dsn
from mailtalk.mail.screening.classify import Classification
from mailtalk.mail.screening.dsn import Failure
from mailtalk.vocabulary import Verdict

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,500}>")
_QUOTED_ID = re.compile(r"^[> \t]{0,20}Message-ID:\s{0,20}(<[^<>\s]{1,500}>)", re.IGNORECASE | re.MULTILINE)
_REFERENCES = 50  # of the newest, which stand last


class Unreadable(Exception):
    """The mail cannot be read: `reason` says how two reader processes ended, or where parsing failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Reading(msgspec.Struct, frozen=True):
    """Author, classification and references of a mail; `fingerprint` is equal for repeated deliveries of one mail."""

    message_id: str | None
    from_addresses: tuple[str, ...]
    subject: str
    verdict: Verdict
    reason: str
    answers: tuple[str, ...]
    fingerprint: bytes
    failures: tuple[Failure, ...]
    returned: str | None  # Message-ID of the mail that a bounce or a complaint returns
    attachments: tuple[MailAttachment, ...]
    encrypted: bool = False
    local_parts: tuple[str, ...] = ()  # of possible inbound addresses in its text


def read(mail: parse.ParsedMail, raw: bytes, *, mail_from: str, own_domain: str, own_mailbox: str = "") -> Reading:
    """Classify a mail without secrets; `own_domain` is the reply domain and the X-Loop value of our mails.

    With `own_mailbox` that mailbox is ours alone, and people may have others at the domain.
    """
    screened = _classified(mail, mail_from, own_domain, own_mailbox)
    return Reading(
        mail.message_id,
        _authors(mail),
        mail.subject,
        screened.verdict,
        screened.reason,
        tuple(_MESSAGE_ID.findall(" ".join(mail.all("in-reply-to") + mail.all("references")))[-_REFERENCES:]),
        _fingerprint(mail, raw),
        tuple(dsn.failures(mail)) if screened.verdict is Verdict.BOUNCE else (),
        _returned(mail) if screened.verdict in {Verdict.BOUNCE, Verdict.COMPLAINT} else None,
        mail.attachments,
        mail.encrypted,
        OwnAddress(own_domain).local_parts(f"{mail.text or ''}\n{mail.html or ''}"),
    )


def without_secrets(mail: parse.ParsedMail, own_domain: str) -> parse.ParsedMail:
    """The mail without secrets of ours in the names and contents of its files."""
    own, secrets = OwnAddress(own_domain), FileSecrets(own_domain)
    files = (replace(secrets.cleaned(file), name=own.scrub(file.name)) for file in mail.attachments)
    return replace(mail, attachments=tuple(files))


def _classified(mail: parse.ParsedMail, mail_from: str, own_domain: str, own_mailbox: str) -> Classification:
    """Classify a mail; one sent and marked as automatic by a calendar program still counts as a person's."""
    screened = classify.classify(mail, mail_from=mail_from, own_domain=own_domain, own_mailbox=own_mailbox)
    is_invitation = screened.verdict is Verdict.AUTO_GENERATED and mail.invitation is not None
    return Classification(Verdict.PERSON, "calendar") if is_invitation else screened


def _authors(mail: parse.ParsedMail) -> tuple[str, ...]:
    """From addresses; if there are several, the one that sent the mail, by its Sender (RFC 5322 3.6.2)."""
    senders = headers.addresses(mail.header("sender") or "")
    sent = [author for author in mail.from_addresses if [author.lower()] == [sender.lower() for sender in senders]]
    return tuple(sent[:1]) or mail.from_addresses


def _returned(mail: parse.ParsedMail) -> str | None:
    """Message-ID of the returned mail; some programs only quote it in their text."""
    returned = dsn.returned(mail)
    if returned is not None:
        return returned.message_id
    found = _QUOTED_ID.search(mail.text or mail.html or "")
    return found[1] if found else None


def words(mail: parse.ParsedMail, *, own_domain: str, sent: bytes | None, locale: str | None = None) -> extract.Reply:
    """Extract the reply; `sent` is the raw mail of ours that is answered, or None, `locale` the author's."""
    language = wording.language(locale)
    text = None if sent is None else parse.parse(sent).text
    author = mail.header("from") or ""
    found = extract.extract(mail.text, mail.html, reply_domain=own_domain, sent=text, author=author)
    if mail.invitation is not None:
        found = _invited(mail.invitation, found, OwnAddress(own_domain), language)
    if mail.attachments:
        found = pictures.theirs(mail, found, own_domain=own_domain, sent=text)
    return _with_note(found, mail.attachments, language)


def _with_note(reply: extract.Reply, files: Sequence[MailAttachment], language: str) -> extract.Reply:
    """Reply with a line about withheld files."""
    note = wording.withheld([file.name for file in files if file.withheld], language)
    return replace(reply, text="\n\n".join(filter(None, (reply.text, note))))


def _invited(invitation: Invitation, reply: extract.Reply, own: OwnAddress, language: str) -> extract.Reply:
    """Line of the invitation above the person's words; the calendar program's own text repeats it and is dropped."""
    line, said = own.scrub(wording.invitation(invitation, language)), reply.text
    if invitation.by_program:
        return replace(reply, text=line, elided="\n".join(filter(None, (said, reply.elided))))
    return replace(reply, text=f"{line}\n\n{said}".strip())


def _fingerprint(mail: parse.ParsedMail, raw: bytes) -> bytes:
    """Digest that survives relays: they change headers, but neither the Message-ID nor the body."""
    body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    identity = mail.message_id or mail.header("date") or ""
    return sha256(identity.encode() + b"\x00" + body.rstrip()).digest()
