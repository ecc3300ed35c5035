"""Checks against a participant's earlier mails: duplicate delivery, and floods by looping machines. Pure."""

from collections.abc import Sequence
from hashlib import sha256

from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import MailInHand
from mailtalk.mail.replies.extract import Reply
from mailtalk.vocabulary import Outcome, Verdict

SAME_TEXT = 3  # times within an hour
SHORT = 20  # characters
REUSED = "message-id-reused"


def said_hash(reply: Reply, answers: Sequence[str]) -> bytes | None:
    """Hash of a reply's text, ignoring case and white space, to recognise repetitions; None for an empty text.

    People often write "OK" several times an hour: a short text is hashed together with the mail that it answers.
    """
    said = " ".join(reply.text.split()).casefold()
    answered = next(iter(answers), "") if len(said) < SHORT else ""
    return sha256(f"{said}\n{answered}".rstrip("\n").encode()).digest() if said else None


def same_mail(hand: MailInHand, _: InboundContext) -> Decision | None:
    """Duplicate delivery of a mail; the same Message-ID with another body is another mail, see `flag`."""
    if hand.reading.fingerprint in hand.earlier.posted:
        return Decision(outcome=Outcome.IGNORED, verdict=Verdict.DUPLICATE, reason="same-mail")
    return None


def flag(hand: MailInHand) -> str | None:
    """Flag for the operator on a mail that reuses the Message-ID of an earlier one."""
    return REUSED if hand.earlier.posted - {hand.reading.fingerprint} else None


def flood(hand: MailInHand, context: InboundContext) -> Decision | None:
    """Rate limit as a last resort without headers: a sender of too many mails, or of the same text, is a machine."""
    limit, mail = context.mail_per_hour, hand.mail
    if limit == 0 or (mail.released_at is not None and mail.verdict == Verdict.FLOOD):
        return None
    if hand.earlier.lately >= limit:
        return Decision(outcome=Outcome.QUARANTINED, verdict=Verdict.FLOOD, reason="too-many")
    if hand.said_hash and hand.earlier.same_text >= SAME_TEXT - 1:
        return Decision(outcome=Outcome.QUARANTINED, verdict=Verdict.FLOOD, reason="same-text")
    return None
