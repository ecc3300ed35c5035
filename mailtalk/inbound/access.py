"""Checks of the participant's access: an address valid at RCPT may have stopped working since. Pure."""

from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import MailInHand
from mailtalk.vocabulary import Access, Outcome, Purpose, Verdict


def may_write(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Refuse if the address lost its rights after RCPT; checked again under the conversation's lock."""
    reason = why_dead(hand) if hand.has_conversation else "conversation-deleted"
    return Decision(outcome=Outcome.REFUSED, verdict=Verdict.NO_ACCESS, reason=reason) if reason else None


def why_dead(hand: MailInHand) -> str | None:
    """Reason why the address no longer works, as the log names it; None if it works."""
    state, purpose = hand.person.state if hand.person else None, hand.mail.purpose
    if state is None or not state.present:
        return "left"
    if state.access is Access.NONE:
        return "access-none"
    if purpose is Purpose.REPLY and not state.may_post:
        return "read-only"
    is_replaced = state.generation != hand.mail.generation and purpose is not Purpose.UNSUBSCRIBE
    return "address-replaced" if is_replaced else None
