"""Unsubscribe by mail: a mail to the unsubscribe address sets the participant's notify to off."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.ids import ParticipantKey
from mailtalk.inbound.access import why_dead
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import MailInHand
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Actor, ChangeKind, Notify, Outcome, Verdict

OFF = Request(ChangeKind.UPDATE, notify=Notify.OFF, by=Actor.PARTICIPANT)


def unsubscribe(hand: MailInHand, _: InboundContext) -> Decision:
    """Unsubscribe by address alone: no sender policy applies."""
    reason = why_dead(hand)
    if reason is not None:
        return Decision(outcome=Outcome.REFUSED, verdict=Verdict.NO_ACCESS, reason=reason)
    return Decision(outcome=Outcome.UNSUBSCRIBED, verdict=Verdict.PERSON, unsubscribes=True)


def accept(session: Session, now: datetime, mails: Sequence[ClaimedMail]) -> set[int]:
    """Request the change for each mail; the ids of mails whose conversation was deleted meanwhile."""
    if not mails:
        return set()
    requests = [Requested(ParticipantKey(mail.conversation, mail.user_id or ""), OFF, now) for mail in mails]
    accepted = change_log.accept(session, requests)
    return {mail.id for mail, change in zip(mails, accepted, strict=True) if not isinstance(change, int)}


def refused(decision: Decision) -> Decision:
    """Decision about a mail whose conversation was deleted meanwhile."""
    return replace(decision, outcome=Outcome.REFUSED, verdict=Verdict.NO_ACCESS, reason="conversation-deleted")
