"""The result of reading a mail, as plain values that can cross a process boundary."""

import re
from dataclasses import replace
from hashlib import sha256

import msgspec

from mailtalk.mail.parsing import parse
from mailtalk.mail.parsing.parse import Attachment
from mailtalk.mail.replies import extract, pictures
from mailtalk.mail.replies.quotes.own_mail import OwnAddress
from mailtalk.mail.screening import classify, dsn
from mailtalk.mail.screening.dsn import Failure
from mailtalk.vocabulary import Verdict

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,500}>")
_QUOTED_ID = re.compile(r"^[> \t]{0,20}Message-ID:\s{0,20}(<[^<>\s]{1,500}>)", re.IGNORECASE | re.MULTILINE)
_REFERENCES = 50  # of the newest, which stand last


class Unreadable(Exception):
    """The mail cannot be read: `reason` tells how two reader processes ended, or where parsing failed."""

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
    returned: str | None  # the Message-ID of the mail that a bounce or a complaint gives back
    attachments: tuple[Attachment, ...]


def read(mail: parse.ParsedMail, raw: bytes, *, mail_from: str, own_domain: str) -> Reading:
    """Classify a parsed mail; `own_domain` is the reply domain and the X-Loop value of our mails."""
    screened = classify.classify(mail, mail_from=mail_from, own_domain=own_domain)
    own = OwnAddress(own_domain)
    return Reading(
        mail.message_id,
        mail.from_addresses,
        mail.subject,
        screened.verdict,
        screened.reason,
        tuple(_MESSAGE_ID.findall(" ".join(mail.all("in-reply-to") + mail.all("references")))[-_REFERENCES:]),
        _fingerprint(mail, raw),
        tuple(dsn.failures(mail)) if screened.verdict is Verdict.BOUNCE else (),
        _returned(mail) if screened.verdict in {Verdict.BOUNCE, Verdict.COMPLAINT} else None,
        tuple(replace(each, name=own.scrub(each.name)) for each in mail.attachments),
    )


def _returned(mail: parse.ParsedMail) -> str | None:
    """The returned Message-ID; some programs only quote it in their text."""
    returned = dsn.returned(mail)
    if returned is not None:
        return returned.message_id
    found = _QUOTED_ID.search(mail.text or mail.html or "")
    return found[1] if found else None


def words(mail: parse.ParsedMail, *, own_domain: str, sent: bytes | None) -> extract.Reply:
    """Extract the reply; `sent` is the raw mail of ours that is answered, or None."""
    text = None if sent is None else parse.parse(sent).text
    author = mail.header("from") or ""
    found = extract.extract(mail.text, mail.html, reply_domain=own_domain, sent=text, author=author)
    return pictures.theirs(mail, found, own_domain=own_domain, sent=text) if mail.attachments else found


def _fingerprint(mail: parse.ParsedMail, raw: bytes) -> bytes:
    """A digest that survives relays: they change headers, never the Message-ID or the body."""
    body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    identity = mail.message_id or mail.header("date") or ""
    return sha256(identity.encode() + b"\x00" + body.rstrip()).digest()
