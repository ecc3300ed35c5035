"""Reading: from a claimed mail's sealed bytes to values, in isolated processes and outside any transaction."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk import files, sealed_mail
from mailtalk.inbound import digests, sender_checks
from mailtalk.inbound.authentication import ReceivedMail
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.context import InboundContext, MailReader
from mailtalk.inbound.digests import ReplySection
from mailtalk.inbound.dns import Unanswered
from mailtalk.inbound.mail_in_hand import NOTHING, ReadMail
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.keys import KeyAway, SealBroken
from mailtalk.mail.parsing import limits
from mailtalk.mail.reader.reading import Reading, Unreadable
from mailtalk.mail.replies.extract import Reply
from mailtalk.outbound import deliveries, verp
from mailtalk.vocabulary import Purpose, Verdict

ANSWERS = frozenset({Purpose.REPLY, Purpose.DIGEST})
REPORTS = frozenset({Verdict.BOUNCE, Verdict.COMPLAINT})
PICTURES = 10  # of one mail that get thumbnails
ANSWERED = 50  # Message-IDs of ours in a header, counted from its end
_ANSWERED = text("""
    SELECT d.message_id, d.id, d.body_sealed, m.id AS mail_id FROM unnest(
        CAST(:mails AS bigint[]), CAST(:apps AS text[]), CAST(:conversations AS text[]), CAST(:users AS text[]),
        CAST(:message_ids AS text[])) AS m (id, app_id, conversation_id, user_id, message_id)
    JOIN deliveries d ON d.app_id = m.app_id AND d.conversation_id = coalesce(m.conversation_id, '')
        AND d.user_id = m.user_id AND d.message_id = m.message_id
    ORDER BY d.created_at""")


class OpenedMail(NamedTuple):
    """A claimed mail, its raw bytes and the Message-IDs of ours in its header; `error`: it cannot be unsealed."""

    mail: ClaimedMail
    raw: bytes
    answers: tuple[str, ...] = ()
    evidence: Mapping[str, Any] | None = None
    is_postponed: bool = False
    error: SealBroken | None = None


class SentMail(NamedTuple):
    """A mail of ours that an inbound mail may answer, sealed."""

    message_id: str
    id: UUID
    body_sealed: bytes


class Known(NamedTuple):
    """Database input of reading: the sealed mails of ours that are answered, mailboxes, and sections of digests."""

    answered: Mapping[int, Sequence[SentMail]]
    mailboxes: Mapping[int, Sequence[str]]
    sections: Mapping[int, Sequence[ReplySection]] = MappingProxyType({})


def unseal(context: InboundContext, mail: ClaimedMail) -> OpenedMail:
    """Unseal the mail's raw bytes, and find the Message-IDs of ours in its header."""
    try:
        raw = sealed_mail.unseal(context.keyring, mail.sealed or b"", RAW_SEAL)
    except SealBroken as error:
        return OpenedMail(mail, b"", error=error)
    if mail.purpose not in ANSWERS:
        return OpenedMail(mail, raw, evidence=mail.evidence)
    ours = re.compile(rb"<[!-;=?-~]{1,100}@" + re.escape(context.domain.encode()) + rb">")
    message_ids = ours.findall(limits.header_block(raw)[: limits.DEFAULT.header_block])
    answers = tuple(message_id.decode("ascii") for message_id in dict.fromkeys(message_ids[-ANSWERED:]))
    return OpenedMail(mail, raw, answers, mail.evidence)


def known(session: Session, mails: Sequence[OpenedMail]) -> Known:
    """Read the database input of reading, in up to three statements."""
    claimed = [opened.mail for opened in mails]
    mailboxes = sender_checks.mailboxes(session, claimed)
    return Known(_answered(session, mails), mailboxes, digests.sections(session, claimed))


def read(context: InboundContext, known: Known, reader: MailReader, opened: OpenedMail) -> ReadMail:
    """Parse and classify the mail, and extract the reply."""
    mail = opened.mail
    if opened.error is not None or opened.is_postponed:
        return ReadMail(mail, error=opened.error, is_postponed=opened.is_postponed)
    try:
        return _read(context, known, reader, opened)
    except Unreadable as error:  # an immediate retry would end the same way
        return ReadMail(mail, unreadable=error.reason)
    except SealBroken as error:
        return ReadMail(mail, error=error)


def prove(context: InboundContext, known: Known, now: datetime, opened: OpenedMail) -> OpenedMail:
    """The mail with evidence of its sender, where the app needs it; postponed while the DNS does not answer."""
    mail = opened.mail
    if not mail.needs_proof or opened.error is not None:
        return opened
    recipients = sender_checks.recipients(context, mail)
    claim = ReceivedMail(opened.raw, mail.mail_from, mail.client_ip, mail.helo, recipients, mail.spf)
    try:
        evidence = sender_checks.evidence(context, claim, known.mailboxes.get(mail.id, ()))
    except Unanswered:
        if sender_checks.is_over(mail, now):
            return opened._replace(evidence=sender_checks.NO_ANSWER)
        return opened._replace(is_postponed=True)
    return opened._replace(evidence=msgspec.to_builtins(evidence))


def _read(context: InboundContext, known: Known, reader: MailReader, opened: OpenedMail) -> ReadMail:
    mail, raw = opened.mail, opened.raw
    reading, trouble = _reading(context, reader, raw, mail.mail_from)
    signed = verp.within(context.keyring, raw, context.domain) if reading and reading.verdict in REPORTS else ()
    if reading is not None:
        mail = digests.resolved(context.keyring, mail, reading, known.sections.get(mail.id, ()))
    result = partial(ReadMail, mail, reading, trouble=trouble, evidence=opened.evidence, signed=signed)
    if reading is None or trouble or reading.verdict is not Verdict.PERSON or mail.purpose not in ANSWERS:
        return result(NOTHING)
    ours = _answered_mail(context, reading, known.answered.get(mail.id, ()))
    reply = reader.words(ours, mail.locale)
    return replace(result(reply), reading=_pictured(reader, reading, reply))


def _pictured(reader: MailReader, reading: Reading, reply: Reply) -> Reading:
    """The mail with thumbnails of the pictures that belong to its author."""
    came = reading.attachments
    shown = [i for i in reply.files if files.may_have_thumbnail(came[i])][:PICTURES]
    if not shown:
        return reading
    made = dict(zip(shown, reader.thumbnails([came[i].content for i in shown]), strict=True))
    attachments = tuple(replace(file, thumbnail=made.get(i)) for i, file in enumerate(came))
    return msgspec.structs.replace(reading, attachments=attachments)


def _reading(
    context: InboundContext, reader: MailReader, raw: bytes, mail_from: str
) -> tuple[Reading | None, str | None]:
    """The mail, or its header alone, which may show that a machine wrote it; and the limit that it exceeds."""
    read = partial(reader.read, mail_from=mail_from, own_domain=context.domain, own_mailbox=context.mailbox)
    try:
        return read(raw), None
    except limits.LimitExceeded as error:
        trouble = str(error)
    try:
        return read(limits.header_block(raw) + b"\r\n\r\n"), trouble
    except limits.LimitExceeded:
        return None, trouble


def _answered_mail(context: InboundContext, reading: Reading, answered: Iterable[SentMail]) -> bytes | None:
    """The newest mail of ours that is answered, by which our own text is recognised."""
    sent = [mail for mail in answered if mail.message_id in reading.answers]
    return _mail_of_ours(context, sent[-1]) if sent else None


def _mail_of_ours(context: InboundContext, sent: SentMail) -> bytes | None:
    """The mail's bytes; None if its key is not held: then its text is recognised by its form alone."""
    try:
        return sealed_mail.unseal(context.keyring, sent.body_sealed, deliveries.seal_name(sent.id))
    except KeyAway:
        return None


def _answered(session: Session, mails: Sequence[OpenedMail]) -> dict[int, list[SentMail]]:
    wanted = [(opened.mail, message_id) for opened in mails for message_id in opened.answers]
    if not wanted:
        return {}
    rows = session.execute(
        _ANSWERED,
        {
            "mails": [mail.id for mail, _ in wanted],
            "apps": [mail.app_id for mail, _ in wanted],
            "conversations": [mail.conversation_id for mail, _ in wanted],
            "users": [mail.user_id for mail, _ in wanted],
            "message_ids": [message_id for _, message_id in wanted],
        },
    )
    answered: dict[int, list[SentMail]] = {}
    for row in rows:
        answered.setdefault(row.mail_id, []).append(SentMail(row.message_id, row.id, row.body_sealed))
    return answered
