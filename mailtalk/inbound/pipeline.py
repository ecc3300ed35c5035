"""Verdicts: the chain of questions that each inbound mail is asked; the first that knows decides."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.conversations import conversations
from mailtalk.errors import NotFound
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.inbound import duplicates, notices, posting, sender_policy
from mailtalk.inbound.context import Case, Desk, Judgement, Reader
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.mail.parsing import limits
from mailtalk.mail.reader.reading import Reading, Unreadable
from mailtalk.models import InboundMail, Participation, RawMail
from mailtalk.outbound import bounces
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, Actor, ChangeKind, Notify, Outcome, Purpose, Verdict

Step = Callable[[Case], Judgement | None]
ECHOES = frozenset({Verdict.LOOP, Verdict.BOUNCE, Verdict.COMPLAINT})


def decide(session: Session, desk: Desk, now: datetime, row: InboundMail) -> Judgement:
    """Read the mail, ask it what its purpose asks, act on the answer, and tell whom it concerns."""
    with desk.reader.take() as reader:
        try:
            return _decide(session, desk, now, row, reader)
        except Unreadable as error:  # nothing was written yet; another try at once would end the same
            judgement = Judgement(Outcome.FAILED, Verdict.UNREADABLE, f"parser: {error.reason}")
            notices.record(session, now, row, judgement)
            return judgement


def _decide(session: Session, desk: Desk, now: datetime, row: InboundMail, reader: Reader) -> Judgement:
    raw = session.get_one(RawMail, row.raw_id)
    content = desk.keyring.unseal(raw.sealed, about=RAW_SEAL)
    reading, trouble = _read(reader, content, raw.mail_from, desk.domain)
    if reading is None:  # nobody knows who wrote it, so nobody is told
        return Judgement(Outcome.REFUSED, Verdict.UNREADABLE, trouble)
    row.message_id = reading.message_id
    case = Case(session, desk, now, row, reading, reader, trouble)
    judgement = next(found for step in CHAINS[Purpose(row.purpose)] if (found := step(case)))
    notices.tell(case, judgement)
    return judgement


def _read(reader: Reader, content: bytes, mail_from: str, domain: str) -> tuple[Reading | None, str | None]:
    """The mail, or at least its header, which says whether a machine wrote it; and why not more."""
    try:
        return reader.read(content, mail_from, domain), None
    except limits.LimitExceeded as error:
        trouble = str(error)
    try:
        return reader.read(limits.header_block(content) + b"\r\n\r\n", mail_from, domain), trouble
    except limits.LimitExceeded:
        return None, trouble


def _report(case: Case) -> Judgement | None:
    """What mail servers and readers say of a mail of ours, wherever they say it."""
    found = case.reading
    if found.verdict not in {Verdict.BOUNCE, Verdict.COMPLAINT}:
        return None
    heard = bounces.hear(case.session, case.now, case.row, found, case.desk.suppress)
    return Judgement(Outcome.IGNORED, found.verdict, heard or found.reason)


def _no_report(case: Case) -> Judgement:
    """What comes to an envelope sender never becomes a message."""
    bounces.attribute(case.session, case.row, case.reading)
    return Judgement(Outcome.IGNORED, case.reading.verdict, case.reading.reason or "no-report")


def _postmaster(_: Case) -> Judgement:
    return Judgement(Outcome.IGNORED, Verdict.POSTMASTER, "postmaster")


def _machine(case: Case) -> Judgement | None:
    """Own loop, bounce, complaint, auto-reply, auto-generated, list: mail/screen.py has the marks."""
    found = case.reading
    return None if found.verdict is Verdict.PERSON else Judgement(Outcome.IGNORED, found.verdict, found.reason)


def _echo(case: Case) -> Judgement | None:
    """What only comes back to us; a mail program that asks by itself for less mail is asked by its owner."""
    return _machine(case) if case.reading.verdict in ECHOES else None


def _unreadable(case: Case) -> Judgement | None:
    return Judgement(Outcome.REFUSED, Verdict.UNREADABLE, case.trouble) if case.trouble else None


def _authors(case: Case) -> Judgement | None:
    """Whom a mail with none or several is from, every program sees differently."""
    return Judgement(Outcome.REFUSED, Verdict.SENDER, "not-one-from") if len(case.reading.from_addresses) != 1 else None


def _words(case: Case) -> None:
    """Read now, before anything is locked or told: it takes its time, and may fail."""
    duplicates.remember(case)


def _sender(case: Case) -> Judgement | None:
    if case.row.released_at is not None:
        return None
    reason = sender_policy.why_not(
        case.app.sender_policy, case.reading.from_addresses, case.mailboxes, case.row.evidence
    )
    return Judgement(Outcome.QUARANTINED, Verdict.SENDER, reason) if reason else None


def _rights(case: Case) -> Judgement | None:
    """Look again, under the conversation's lock, whether the address that was good at RCPT still is."""
    try:
        case.conversation = conversations.lock(
            case.session, ConversationKey(case.app.id, case.row.conversation_id or "")
        )
    except NotFound:
        return Judgement(Outcome.REFUSED, Verdict.NO_ACCESS, "conversation-deleted")
    reason = _why_dead(case)
    return Judgement(Outcome.REFUSED, Verdict.NO_ACCESS, reason) if reason else None


def _why_dead(case: Case) -> str | None:
    query = select(Participation).where(Participation.id == case.row.participation_id)
    found = case.session.scalar(query.execution_options(populate_existing=True))
    if found is None or not found.present:
        return "left"
    if found.access == Access.NONE:
        return "access-none"
    if not addresses.serves(found, Purpose(case.row.purpose)):
        return "read-only"
    replaced = found.generation != case.row.generation and case.row.purpose != Purpose.UNSUBSCRIBE
    return "address-replaced" if replaced else None


def _empty(case: Case) -> Judgement | None:
    """Nothing but blank lines and quotes of others, and no file."""
    if posting.says_something(case) or case.files:
        return None
    return Judgement(Outcome.IGNORED, Verdict.EMPTY, "nothing-written")


def _unsubscribe(case: Case) -> Judgement:
    """Whoever has the address may ask for less mail: no sender policy stands in the way."""
    row = case.row
    request = Request(ChangeKind.UPDATE, notify=Notify.OFF, by=Actor.PARTICIPANT)
    participant = ParticipantKey.of(row.app_id or "", row.conversation_id or "", row.user_id or "")
    asked = Requested(participant, request, case.now)
    reason = _why_dead(case)
    if reason is None and isinstance(change_log.accept(case.session, [asked])[0], int):
        return Judgement(Outcome.UNSUBSCRIBED, Verdict.PERSON)
    return Judgement(Outcome.REFUSED, Verdict.NO_ACCESS, reason or "conversation-deleted")


CHAINS: Mapping[Purpose, Sequence[Step]] = {
    Purpose.REPLY: (
        _report,
        _machine,
        _unreadable,
        _authors,
        _words,
        _sender,
        _rights,
        _empty,
        duplicates.same_mail,
        duplicates.flood,
        posting.post,
    ),
    Purpose.UNSUBSCRIBE: (_report, _echo, _unreadable, _authors, _unsubscribe),
    Purpose.BOUNCE: (_report, _no_report),
    Purpose.POSTMASTER: (_report, _postmaster),
}
