"""Posting: a reply's text and files as messages. Pure."""

from collections.abc import Iterator

from mailtalk import files
from mailtalk.conversations.drafts import TEXT_LIMIT, Draft
from mailtalk.inbound import duplicates
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import MailInHand
from mailtalk.mail import truncation
from mailtalk.mail.composing import headers
from mailtalk.vocabulary import MessageType, Origin, Outcome, Verdict

CUT = "text-cut"  # the text exceeds the limit of a message: its end is in the elided part


def post(hand: MailInHand, _: InboundContext) -> Decision:
    """Final check of the chain: the mail becomes messages."""
    is_cut = len(hand.reply.text) > TEXT_LIMIT
    return Decision(
        outcome=Outcome.POSTED,
        verdict=Verdict.PERSON,
        reason=hand.reply.method,
        flag=CUT if is_cut else duplicates.flag(hand),
        drafts=list(_drafts(hand)),
        files=hand.files[: files.MOST],
        released_address=hand.reading.from_addresses[0],
    )


def _drafts(hand: MailInHand) -> Iterator[Draft]:
    """One message with the text and the first file, and one for each further file: a message has one file at most."""
    came, author = hand.files, hand.mail.user_id
    said = _text(hand) if hand.says_something else came[0].name
    yield Draft(
        MessageType.USER,
        said,
        Origin.EMAIL,
        sender_id=author,
        elided=_elided(hand)[:TEXT_LIMIT] or None,
        names=dict(hand.names),
        attachment=files.reference(came[0]) if came else None,
        mail_id=headers.message_id(hand.reading.message_id),
    )
    for file in came[1 : files.MOST]:
        yield Draft(MessageType.USER, file.name, Origin.EMAIL, sender_id=author, attachment=files.reference(file))


def _text(hand: MailInHand) -> str:
    return truncation.cut(hand.reply.text, TEXT_LIMIT, dict(hand.names))


def _elided(hand: MailInHand) -> str:
    """Elided content: quoted text, the end of a text that is too long, and the names of files beyond the limit."""
    rest = hand.reply.text[len(_text(hand)) :]
    beyond = ", ".join(file.name for file in hand.files[files.MOST :])
    return "\n".join(filter(None, (beyond and f"[not kept: {beyond}]", rest, hand.reply.elided)))
