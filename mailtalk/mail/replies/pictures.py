"""Attachment filter: drops files that the author did not add (quoted pictures, signature logos, keys, signatures)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from mailtalk.mail.parsing.parse import MailAttachment, ParsedMail
from mailtalk.mail.replies import extract
from mailtalk.mail.replies.quotes import sign_off

_NEAR, _REACH = 5, 2  # lines around a picture, and how many of them must be addresses or numbers
TINY = 2_000  # bytes: icons, rules and tracking pixels
_STAND_IN, _END = "\ue010", "\ue011"  # position of a picture, while its page is read
_TAG = re.compile(r"<img\b[^<>]{0,4000}>", re.IGNORECASE)
_SOURCE = re.compile(r"\bsrc\s{0,9}=\s{0,9}[\"']?cid:([^\"'\s<>]{1,500})", re.IGNORECASE)
_MOST = 200  # pictures that are searched for
_NAMED = re.compile(r"\[(?:cid: ?|image: ?)?([^\[\]\n]{1,500})\]|<([^<>\n]{1,150}\.\w{3,4})>", re.IGNORECASE)
_SEALS = frozenset(
    {
        "application/applefile",
        "application/pgp-encrypted",
        "application/pgp-keys",
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "message/rfc822-headers",
        "text/rfc822-headers",
        "text/x-amp-html",
    }
)


def theirs(mail: ParsedMail, found: extract.Reply, *, own_domain: str, sent: str | None) -> extract.Reply:
    """Reply with the indexes of its files, and its text without placeholders of pictures."""
    standing = _standing(mail, own_domain, sent)
    files = tuple(i for i, each in enumerate(mail.attachments) if _counts(each, standing))
    return replace(found, text=_unnamed(found.text, mail.attachments), files=files)


def _standing(mail: ParsedMail, own_domain: str, sent: str | None) -> dict[str, bool]:
    """For each picture shown by the HTML: True if it stands within the author's text."""
    if not mail.html or not any(each.content_id for each in mail.attachments):
        return {}
    page, shown = _with_stand_ins(mail.html)
    kept = extract.extract(None, page, reply_domain=own_domain, sent=sent).text.split("\n") if shown else []
    kept = [line for line in kept if line.strip()]
    said = "\n".join(line for i, line in enumerate(kept) if _STAND_IN in line and not _is_card(kept, i))
    return {name: f"{_STAND_IN}{place}{_END}" in said for name, place in shown.items()}


def _is_card(lines: list[str], place: int) -> bool:
    """True for a picture beside a name, a number and a web address: a logo."""
    around = lines[max(place - _NEAR, 0) : place + _NEAR + 1]
    return sign_off.is_card([line for line in around if not line.strip().startswith(_STAND_IN)], reach=_REACH)


def _with_stand_ins(html: str) -> tuple[str, dict[str, int]]:
    shown: dict[str, int] = {}

    def stand_in(tag: re.Match[str]) -> str:
        source = _SOURCE.search(tag[0])
        if source is None or len(shown) >= _MOST:
            return tag[0]
        return f" {_STAND_IN}{shown.setdefault(source[1], len(shown))}{_END} "

    return _TAG.sub(stand_in, html), shown


def _counts(file: MailAttachment, standing: dict[str, bool]) -> bool:
    if file.content_type in _SEALS or not file.content:
        return False
    if file.content_id in standing:
        return standing[file.content_id] and len(file.content) >= TINY
    return not (file.inline and file.content_id and standing and file.content_type.startswith("image/"))


def _unnamed(text: str, attachments: Iterable[MailAttachment]) -> str:
    """Text without `[cid:…]` and `[image: …]`, which mail clients insert for the mail's own pictures."""
    names = {name for each in attachments for name in (each.content_id, each.name) if name}
    if not names or not ("[" in text or "<" in text):
        return text
    return "\n".join(_lines(text, names)).strip()


def _lines(text: str, names: set[str]) -> Iterator[str]:
    for line in text.split("\n"):
        rest = _NAMED.sub(lambda found: "" if (found[1] or found[2]) in names else found[0], line)
        if rest == line or rest.strip():
            yield rest.rstrip() if rest != line else line
