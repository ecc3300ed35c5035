"""Bounce parsing: recipient, status and permanence from delivery status fields (RFC 3464, 3463), else from the text.

Only hard failures suppress an address, so hard means that the mailbox or its domain does not exist. A full mailbox, a
block list, a policy or a too large mail is soft, whatever class its status has: all of that may pass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mailtalk.mail.parsing import headers, limits
from mailtalk.mail.parsing.parse import ParsedMail, parse

_REPORTS = {"message/delivery-status", "message/global-delivery-status"}
_RETURNED = {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"}
_NO_FAILURE = {"delivered", "relayed", "expanded", "delayed"}
_LOOKED_AT = 20_000
_MOST = 100  # recipients of one mail (RCPT limit)
_GROUPS = re.compile(r"\n[ \t]*\n")
_FIELD = re.compile(r"^([A-Za-z-]{1,40}):[ \t]*(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_RECIPIENT = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,255}")
_ADDRESS = re.compile(r"[^\s<>@]{0,80}@[\w.-]{1,255}")
_COPY = re.compile(
    r"^[-=_* ]{2,80}"
    r"(?:(?:this is )?a copy|below this line|original|returned|(?:the|message) header|begin|unsent|text of)"
    r"|^(?:original message|message headers?) follows?"
    r"|^(?:received|return-path|mime-version|dkim-signature):",
    re.IGNORECASE | re.MULTILINE,
)
_ALONE = re.compile(r"^[ \t]{0,20}<?([\w.+=-]{1,64}@[\w.-]{1,255})>?:?[ \t]{0,20}$", re.MULTILINE)
_DEAD_STATUS = re.compile(r"5\.(?:1\.(?:1|2|3|6|10)|4\.4)$")


def _any_of(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


_DEAD = _any_of(
    r"user (?:is )?(?:unknown|not found|not known)",
    r"(?:unknown|no such|invalid|nonexist\w+) (?:local )?(?:user|recipient|mailbox|address|account|domain|host)",
    r"(?:recipient|mailbox|account|address|user|domain|host)(?: name| address)? (?:was |is )?"
    r"(?:not found|unknown|invalid|not valid|lookup failed)",
    r"not (?:a )?(?:valid|known) (?:mailbox|user|recipient|address)",
    r"(?:does(?: not|n't)|may not|no longer) exist",
    r"no longer (?:valid|in use|available|active)",
    r"not (?:listed in|recogni[sz]ed)",
    r"(?:name or service|host \S{1,255}|dns entry) (?:was )?not (?:known|found)",
    r"unrout(?:e)?able|bad destination|nxdomain|couldn't find any host",
    r"no (?:mx|mail exchanger|mailbox here|account)\b",
    r"does(?: not|n't) have an? .{0,40}account",
    r"unknown or illegal alias|invalid final delivery userid|moved to",
    r"recipient address rejected: access denied",  # used by Microsoft 365 for an unknown recipient
)
_ALIVE = _any_of(
    r"(?:mail)?box.{0,20} full|quota|insufficient .{0,10}(?:storage|space|disk)",
    r"exceed\w* .{0,20}(?:size|limit|storage)|too (?:large|big|many|fast|much)",
    r"spam|unsolicited|bulk|virus|reputation|\bblock|black ?list|\bban",
    r"dmarc|\bspf\b|dkim|policy|reverse dns|\bptr\b|authenticat|relay(?:ing)?\b|sender|not allowed",
    r"suspend|disabled|inactive",
    r"timed? ?out|try again|temporar",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed recipient; `status` is an enhanced code (5.1.1); `hard` means that the address does not exist."""

    recipient: str | None
    status: str | None
    hard: bool


def failures(mail: ParsedMail) -> list[Failure]:
    """Failures in a bounce; empty for a notice of success."""
    groups = list(islice(_recipient_groups(mail), _MOST))
    words = _words(mail)
    if groups:
        spare = words if len(groups) == 1 else ""
        return [_from_fields(fields, spare) for fields in groups if fields.get("action", "").lower() not in _NO_FAILURE]
    code = status(words)
    hard = is_dead(code, words)
    return [Failure(recipient, code, hard) for recipient in _named(mail, words) or [None]]


def returned(mail: ParsedMail) -> ParsedMail | None:
    """Our mail, or its headers, as returned by a bounce or complaint; None if there is nothing to parse."""
    parts = (item.content for item in mail.attachments if item.content_type in _RETURNED)
    try:
        return next(map(parse, parts), None)
    except limits.LimitExceeded:
        return None


def status(words: str, declared: str = "") -> str | None:
    """The enhanced status code; the remote server's own is preferred to a general one (X.0.0)."""
    found = [*_STATUS.findall(declared), *_STATUS.findall(words)]
    return next((code for code in found if not code.endswith((".0.0", ".5.0"))), found[0] if found else None)


def is_dead(status: str | None, words: str) -> bool:
    """True if the status and the words of a server mean that the mailbox or its domain does not exist."""
    if (status or "").startswith(("2", "4")):
        return False
    words = _ADDRESS.sub("", words)
    if _DEAD_STATUS.match(status or ""):
        return not _ALIVE.search(words) or bool(_DEAD.search(words))
    return bool(_DEAD.search(words)) and not _ALIVE.search(words)


def _recipient_groups(mail: ParsedMail) -> Iterator[dict[str, str]]:
    for item in mail.attachments:
        if item.content_type in _REPORTS:
            text = item.content[:_LOOKED_AT].decode("utf-8", "replace").replace("\r", "")
            for group in _GROUPS.split(text):
                fields = {name.lower(): headers.clean(value) for name, value in _FIELD.findall(group)}
                if fields.keys() & {"final-recipient", "original-recipient", "status"}:
                    yield fields


def _from_fields(fields: dict[str, str], spare: str) -> Failure:
    recipient = fields.get("original-recipient") or fields.get("final-recipient") or ""
    address = _RECIPIENT.search(recipient.rpartition(";")[2])
    words = fields.get("diagnostic-code") or spare
    code = status(words, fields.get("status", ""))
    return Failure(address[0] if address else None, code, is_dead(code, words))


def _named(mail: ParsedMail, words: str) -> list[str | None]:
    named = headers.addresses(",".join(mail.all("x-failed-recipients")))
    return [*(named or dict.fromkeys(_ALONE.findall(words)))][:_MOST]


def _words(mail: ParsedMail) -> str:
    """Text of the reporting server, without the returned mail."""
    words = (mail.text or mail.html or "")[:_LOOKED_AT]
    copy = _COPY.search(words)
    return words[: copy.start()] if copy else words
