"""Replies to a digest: a mail to its address is one to the only section that it names, else it is ambiguous."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.context import InboundContext
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import MailInHand
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.mail.reader.reading import Reading
from mailtalk.vocabulary import Outcome, Purpose, Verdict

_SECTIONS = text("""
    SELECT m.id AS mail_id, d.message_id, g.conversation_id, g.participation_id, g.reply_generation
    FROM unnest(CAST(:mails AS bigint[]), CAST(:apps AS text[]), CAST(:deliveries AS uuid[]))
        AS m (id, app_id, delivery_id)
    JOIN deliveries d ON d.app_id = m.app_id AND d.id = m.delivery_id
    JOIN digest_sections g ON g.app_id = d.app_id AND g.delivery_id = d.id
    WHERE g.reply_generation IS NOT NULL""")


class ReplySection(NamedTuple):
    """Section of a digest that its reader may answer, and the digest's Message-ID."""

    message_id: str
    conversation_id: str
    participation_id: UUID
    generation: int


def sections(session: Session, mails: Sequence[ClaimedMail]) -> Mapping[int, Sequence[ReplySection]]:
    """Sections of the digests that mails answer, by mail id; no statement without such mails."""
    digests = [mail for mail in mails if mail.purpose is Purpose.DIGEST]
    if not digests:
        return {}
    values = {
        "mails": [mail.id for mail in digests],
        "apps": [mail.app_id for mail in digests],
        "deliveries": [mail.participation_id for mail in digests],
    }
    found: dict[int, list[ReplySection]] = {}
    for mail_id, *section in session.execute(_SECTIONS, values):
        found.setdefault(mail_id, []).append(ReplySection(*section))
    return found


def resolved(keyring: Keyring, mail: ClaimedMail, reading: Reading, sections: Sequence[ReplySection]) -> ClaimedMail:
    """The mail as one to a section's own address, if it answers the digest and quotes this section alone."""
    quoted = [section for section in sections if _is_named(keyring, section, reading)]
    if len(quoted) != 1 or quoted[0].message_id not in reading.answers:
        return mail
    _, conversation_id, participation_id, generation = quoted[0]
    return mail._replace(
        purpose=Purpose.REPLY,
        conversation_id=conversation_id,
        participation_id=participation_id,
        generation=generation,
    )


def ambiguous(_: MailInHand, _context: InboundContext) -> Decision:
    """Refuse a mail that names no section, or several; the notice shows how to answer one."""
    return Decision(outcome=Outcome.REFUSED, verdict=Verdict.AMBIGUOUS, reason="not-one-section")


def _is_named(keyring: Keyring, section: ReplySection, reading: Reading) -> bool:
    """True if the mail holds the section's secret address, which the quote of its Reply link does."""
    keys, owner = keyring.keys, (section.participation_id, section.generation, Purpose.REPLY)
    return any(address.token(key, *owner) in reading.local_parts for key in keys)
