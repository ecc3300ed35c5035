"""Notices: mails to a participant about a mail of theirs, and the event for the app. Never sent to a machine.

They go to the registered address, never to a mail's From: anyone could make us write to others (backscatter).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk import clock
from mailtalk.events.record import Happened
from mailtalk.ids import MAIL
from mailtalk.inbound import quarantine, sender_policy, sender_questions
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.context import InboundContext, own_address
from mailtalk.inbound.decision import Decision, PendingNotice
from mailtalk.inbound.mail_in_hand import NOBODY, MailInHand
from mailtalk.inbound.sender_questions import PendingQuestion
from mailtalk.mail.composing import notice, style
from mailtalk.models import Delivery
from mailtalk.outbound import deliveries
from mailtalk.vocabulary import DeliveryKind, EventType, Outcome, Purpose, Verdict

REPLIES = frozenset({Purpose.REPLY, Purpose.DIGEST})
DAY = timedelta(days=1)
ASKED_A_DAY = 10  # times: a stranger who knows an address must not be able to flood its owner's inbox
ENCRYPTED = "encrypted"  # reason of an unreadable mail
NOT_ASKED = "not-asked"
ASKED, UNPROVEN = "asked", "unproven"  # texts of the question
REPEATS = (Verdict.DUPLICATE,)  # already a message
DOUBTFUL = "doubtful"  # a mail classified as a machine's on weak evidence
WHY = (
    Verdict.AMBIGUOUS,
    Verdict.NO_ACCESS,
    Verdict.EMPTY,
    Verdict.UNREADABLE,
    Verdict.FLOOD,
    DOUBTFUL,
    ENCRYPTED,
)  # reasons that a person is notified of
DOUBTS = ("subject: ", "null-sender")  # weak signals of machines, which people's mails show too
DayKey = tuple[str, str, str]  # app, participation, reason
_FIRST = text("""
    INSERT INTO notices (app_id, address, reason, made_at)
    SELECT app_id, address, reason, :now
    FROM unnest(CAST(:apps AS text[]), CAST(:addresses AS text[]), CAST(:reasons AS text[]))
        AS n (app_id, address, reason)
    ORDER BY app_id, address, reason
    ON CONFLICT (app_id, address, reason) DO UPDATE SET made_at = excluded.made_at
        WHERE notices.made_at <= :before
    RETURNING app_id, address, reason""")


def tell(hand: MailInHand, context: InboundContext, decision: Decision) -> Decision:
    """The decision with its event for the app and its notices to the person. Machines get no notice."""
    if decision.outcome is Outcome.POSTED or not _may_be_persons(hand, decision):
        return decision
    told = replace(decision, events=events(hand.mail, decision))
    if decision.outcome is Outcome.QUARANTINED and decision.verdict is Verdict.SENDER:
        return _ask(hand, context, told)
    why = _why(hand, decision)
    if why in WHY and hand.mail.mail_from.strip("<> "):  # a null sender must not be answered (RFC 3834 2)
        return replace(
            told, notices=[PendingNotice(DeliveryKind.REJECTION, mailbox, why=why) for mailbox in hand.mailboxes]
        )
    return told


def events(mail: ClaimedMail, decision: Decision) -> list[Happened]:
    """Event for the app: a mail, possibly a person's, did not become a message."""
    if mail.purpose not in REPLIES or mail.app_id is None:
        return []
    data = {
        "inboundMailId": MAIL.show(mail.id),
        "userId": mail.user_id,
        "conversationId": mail.conversation_id,
        "outcome": decision.outcome,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "receivedAt": clock.millis(mail.received_at),
    }
    return [Happened(mail.app_id, EventType.EMAIL_REJECTED, data, mail.conversation_id)]


def make(
    session: Session, context: InboundContext, now: datetime, decided: Sequence[tuple[MailInHand, Decision]]
) -> None:
    """Create deliveries for the notices; rejections once a day for each participant and reason."""
    wanted = [(hand, each) for hand, decision in decided for each in decision.notices]
    daily: dict[DayKey, list[tuple[MailInHand, PendingNotice]]] = {}
    for hand, each in wanted:
        same = daily.setdefault(_day_key(hand, each), []) if _is_daily(each) else []
        if not same or same[0][0] is hand:  # notices about the first mail only, to all mailboxes
            same.append((hand, each))
    first = [pair for key in _first_today(session, now, list(daily)) for pair in daily[key]]
    questions = [pair for pair in wanted if not _is_daily(pair[1])]
    asking = {hand.mail.id: hand for hand, _ in questions}.values()
    sender_questions.keep(session, now, [_question(hand, context) for hand in asking])
    session.add_all([_delivery(hand, context, each) for hand, each in questions + first])
    session.flush()


def _may_be_persons(hand: MailInHand, decision: Decision) -> bool:
    """True for replies that are not duplicates and that no strong signal marks as a machine's."""
    is_persons = hand.reading.verdict is Verdict.PERSON and decision.verdict not in REPEATS
    return hand.mail.purpose in REPLIES and (is_persons or _is_doubtful(hand))


def _is_doubtful(hand: MailInHand) -> bool:
    return hand.reading.verdict is not Verdict.PERSON and hand.reading.reason.startswith(DOUBTS)


def _why(hand: MailInHand, decision: Decision) -> str:
    """Key of the notice's text for the reason."""
    if decision.reason == ENCRYPTED:
        return ENCRYPTED
    return DOUBTFUL if _is_doubtful(hand) else decision.verdict or ""


def _ask(hand: MailInHand, context: InboundContext, decision: Decision) -> Decision:
    """The only "was this you?" question about this mail."""
    earlier = hand.earlier
    if not hand.mailboxes or earlier.is_repeated or earlier.asked >= ASKED_A_DAY:
        return replace(decision, flag=NOT_ASKED)
    link = quarantine.link(context.keyring, context.base_url, hand.mail.id, hand.now)
    until = hand.now + quarantine.LINK
    why = ASKED if _may_accept(hand) else UNPROVEN
    questions = [
        PendingNotice(DeliveryKind.CONFIRMATION, mailbox, f"<q.{hand.mail.id}.{i}@{context.domain}>", why, link, until)
        for i, mailbox in enumerate(hand.mailboxes)
    ]
    return replace(
        decision, notices=[question for question in questions if question.message_id not in earlier.questions]
    )


def _may_accept(hand: MailInHand) -> bool:
    """True unless the mail names an address of the participant's own, which was not proven."""
    return not sender_policy.is_known(hand.reading.from_addresses[0], hand.mailboxes)


def _question(hand: MailInHand, context: InboundContext) -> PendingQuestion:
    own = own_address(context.domain)
    excerpt = notice.excerpt_of_stranger(own.scrub(hand.reply.text or hand.reply.elided))
    return PendingQuestion(hand.mail, own.scrub(hand.reading.from_addresses[0]), excerpt)


def _is_daily(wanted: PendingNotice) -> bool:
    return wanted.kind is DeliveryKind.REJECTION


def _day_key(hand: MailInHand, wanted: PendingNotice) -> DayKey:
    return hand.mail.app_id or "", str(hand.mail.participation_id), wanted.why


def _first_today(session: Session, now: datetime, keys: Sequence[DayKey]) -> list[DayKey]:
    """Keys without a notice in the last 24 hours; they are marked as sent now."""
    if not keys:
        return []
    apps, addresses, reasons = map(list, zip(*keys, strict=True))
    values = {"apps": apps, "addresses": addresses, "reasons": reasons, "now": now, "before": now - DAY}
    return [(row.app_id, row.address, row.reason) for row in session.execute(_FIRST, values)]


def _delivery(hand: MailInHand, context: InboundContext, wanted: PendingNotice) -> Delivery:
    mail = hand.mail
    message_id = wanted.message_id or f"<r.{uuid4().hex}@{context.domain}>"
    delivery = Delivery(
        app_id=mail.app_id,
        id=uuid4(),
        kind=wanted.kind,
        conversation_id=mail.conversation_id or "",
        user_id=mail.user_id,
        address=wanted.mailbox,
        message_id=message_id,
        not_before=hand.now,
        created_at=hand.now,
    )
    return deliveries.freeze(delivery, _mail(hand, context, wanted, message_id), context.keyring, context.signer)


def _mail(hand: MailInHand, context: InboundContext, wanted: PendingNotice, message_id: str) -> bytes:
    person, own = hand.person or NOBODY, own_address(context.domain)
    look = style.of(person.style)
    app_name = look.name or person.app_name
    headers = notice.NoticeHeaders(
        sender_name=person.app_name,
        sender=context.sender,
        reader_name=person.name,
        reader=wanted.mailbox,
        message_id=message_id,
        answers=own.scrub(hand.reading.message_id or ""),
        at=hand.now,
        loop_id=context.domain,
    )
    said = "" if wanted.why in {Verdict.EMPTY, ENCRYPTED} else own.scrub(hand.reply.text or hand.reply.elided)
    content = notice.NoticeContent(
        app_name,
        hand.subject or app_name,
        said,
        why=wanted.why,
        link=wanted.link,
        until=wanted.until,
        author=own.scrub(hand.reading.from_addresses[0]) if wanted.link else "",
        may_accept=wanted.why == ASKED,
        style=look,
    )
    return notice.mail(wanted.kind, headers, content, look.speaks(person.locale, person.time_zone))
