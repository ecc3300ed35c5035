"""Pipeline of checks for an inbound mail; the first check that returns a decision wins. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from mailtalk.inbound import access, digests, duplicates, notices, posting, sender_checks, sender_policy, unsubscribe
from mailtalk.inbound.context import InboundContext, own_address
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import MailInHand, ReadMail
from mailtalk.outbound import bounces
from mailtalk.vocabulary import Outcome, Purpose, Verdict

Check: TypeAlias = Callable[[MailInHand, InboundContext], Decision | None]
ECHOES = frozenset({Verdict.LOOP, Verdict.BOUNCE, Verdict.COMPLAINT})


def decide(hand: MailInHand, context: InboundContext) -> Decision:
    """Decide by the first matching check, and complete the decision with the mail's facts, events and notices."""
    chain = CHAINS[hand.mail.purpose]
    decision = next(answer for check in chain if (answer := check(hand, context)) is not None)
    own = own_address(context.domain)
    return notices.tell(
        hand,
        context,
        replace(
            decision,
            reason=own.scrub(decision.reason or "") or None,
            message_id=own.scrub(hand.reading.message_id or "") or None,
            fingerprint=hand.reading.fingerprint,
            said_hash=hand.said_hash,
            evidence=hand.evidence,
        ),
    )


def _report(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Bounce or complaint about a mail of ours; it counts only if it carries an envelope sender that we signed.

    Every recipient of a mail knows its Message-ID: a report with nothing more is only logged for the operator.
    """
    reading = hand.reading
    if reading.verdict not in {Verdict.BOUNCE, Verdict.COMPLAINT}:
        return None
    word, report = reading.reason if hand.delivery is None else f"unsigned: {reading.reason}", None
    if hand.delivery is not None and hand.is_signed:
        word, report = bounces.judge(hand.delivery, reading, was_reported=hand.was_reported)
    return Decision(outcome=Outcome.IGNORED, verdict=reading.verdict, reason=word, report=report, about=hand.delivery)


def _no_report(hand: MailInHand, _: InboundContext) -> Decision:
    """Ignore any other mail to an envelope sender; it never becomes a message."""
    reading = hand.reading
    reason = reading.reason or "no-report"
    return Decision(outcome=Outcome.IGNORED, verdict=reading.verdict, reason=reason, about=hand.delivery)


def _postmaster(_: MailInHand, _context: InboundContext) -> Decision:
    return Decision(outcome=Outcome.IGNORED, verdict=Verdict.POSTMASTER, reason="postmaster")


def _machine(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Loop, bounce, complaint, auto-reply, auto-generated or list mail; the signals are in mail/screening."""
    reading = hand.reading
    if reading.verdict is Verdict.PERSON:
        return None
    return Decision(outcome=Outcome.IGNORED, verdict=reading.verdict, reason=reading.reason)


def _echo(hand: MailInHand, context: InboundContext) -> Decision | None:
    """Ignore loops, bounces and complaints only: mail programs also send unsubscribe mails by themselves."""
    return _machine(hand, context) if hand.reading.verdict in ECHOES else None


def _unreadable(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Refuse a mail beyond a parser limit, or encrypted; an encrypted mail to unsubscribe is accepted."""
    encrypted = hand.reading.encrypted and hand.mail.purpose is Purpose.REPLY
    reason = hand.trouble or (notices.ENCRYPTED if encrypted else None)
    return Decision(outcome=Outcome.REFUSED, verdict=Verdict.UNREADABLE, reason=reason) if reason else None


def _authors(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Refuse a mail without exactly one From address: mail clients disagree on its author (RFC 5322 3.6.2)."""
    if len(hand.reading.from_addresses) == 1:
        return None
    return Decision(outcome=Outcome.REFUSED, verdict=Verdict.SENDER, reason="not-one-from")


def _sender(hand: MailInHand, _: InboundContext) -> Decision | None:
    reason = suspicion(hand)
    return Decision(outcome=Outcome.QUARANTINED, verdict=Verdict.SENDER, reason=reason) if reason else None


def _stranger(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Refuse a mail that names no conversation if the app's sender policy rejects it: there is nothing to release."""
    reason = suspicion(hand)
    return Decision(outcome=Outcome.REFUSED, verdict=Verdict.SENDER, reason=reason) if reason else None


def suspicion(hand: MailInHand) -> str | None:
    """Reason why the app's sender policy rejects the mail; None if it accepts it, or if the mail was released."""
    if hand.person is None or hand.mail.released_at is not None:
        return None
    policy, senders = hand.person.sender_policy, hand.reading.from_addresses
    return sender_policy.why_not(policy, senders, (*hand.mailboxes, *hand.person.accepted), hand.evidence)


def _empty(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Refuse a mail that has only blank and quoted lines, and no file."""
    if hand.says_something or hand.files:
        return None
    return Decision(outcome=Outcome.IGNORED, verdict=Verdict.EMPTY, reason="nothing-written")


def without_reading(read: ReadMail, now: datetime) -> Decision | None:
    """Decision about a mail that could not be read, or whose sender is not authenticated yet; None for others."""
    if read.is_postponed:
        return sender_checks.postpone(read.mail, now)
    if read.unreadable is not None:
        failed = Decision(outcome=Outcome.FAILED, verdict=Verdict.UNREADABLE, reason=f"parser: {read.unreadable}")
        return replace(failed, events=notices.events(read.mail, failed))
    if read.reading is None:  # the author is unknown, so no notice is sent
        return Decision(outcome=Outcome.REFUSED, verdict=Verdict.UNREADABLE, reason=read.trouble)
    return None


CHAINS: Mapping[Purpose, Sequence[Check]] = {
    Purpose.REPLY: (
        _report,
        _machine,
        _unreadable,
        _authors,
        _sender,
        access.may_write,
        _empty,
        duplicates.same_mail,
        duplicates.flood,
        posting.post,
    ),
    Purpose.DIGEST: (_report, _machine, _unreadable, _authors, _stranger, digests.ambiguous),
    Purpose.UNSUBSCRIBE: (_report, _echo, _unreadable, _authors, unsubscribe.unsubscribe),
    Purpose.BOUNCE: (_report, _no_report),
    Purpose.POSTMASTER: (_report, _postmaster),
}
