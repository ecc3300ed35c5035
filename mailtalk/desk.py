"""The desk: what becomes of one inbound mail: who wrote it, whether they still may, what they said."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk import addresses, changes, conversations, deliveries, files, messages
from mailtalk.changes import Requested
from mailtalk.keys import Keyring
from mailtalk.mail import limits, reply
from mailtalk.mail.parse import Attachment
from mailtalk.mail.reading import Reading, Unreadable
from mailtalk.mail.screen import Verdict
from mailtalk.models import Delivery, InboundMail, Participation, RawMail
from mailtalk.notifications import Pace
from mailtalk.participation import Request
from mailtalk.vocabulary import ChangeKind, MessageType, Notify, Origin, Outcome, Purpose

RAW_SEAL = "raw-mail"  # what binds a raw mail's sealed bytes to their table


class Reader(Protocol):
    """Reads one mail; TooMuch for one beyond the limits, Unreadable for one that it cannot read."""

    def read(self, raw: bytes, mail_from: str, own_domain: str) -> Reading:
        """Judge the mail, and keep it in mind."""
        ...

    def words(self, sent: bytes | None) -> reply.Reply:
        """What the person wrote in the mail in mind, who may answer our mail `sent`."""
        ...


class Readers(Protocol):
    """Readers to be had, each for one mail at a time."""

    def take(self) -> AbstractContextManager[Reader]:
        """Have a reader to oneself while the block runs."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What processing needs to know: keys, domain, the pace at which messages become mails, who reads the mails."""

    keyring: Keyring
    domain: str
    pace: Pace
    reader: Readers


def decide(session: Session, desk: Desk, now: datetime, row: InboundMail) -> tuple[Outcome, str | None]:
    """Read the mail, judge it, and act on it: its outcome, and the reason or the method, for the operator."""
    if row.purpose == Purpose.POSTMASTER:
        return Outcome.IGNORED, "postmaster"
    raw = session.get_one(RawMail, row.raw_id)
    content = desk.keyring.unseal(raw.sealed, about=RAW_SEAL)
    with desk.reader.take() as reader:
        try:
            found = reader.read(content, raw.mail_from, desk.domain)
            return _judge(session, desk, now, row, found, reader)
        except limits.TooMuch as error:
            return Outcome.REFUSED, str(error)
        except Unreadable as error:  # nothing was written yet; another try at once would end the same
            return Outcome.FAILED, f"parser: {error.reason}"


def _judge(  # noqa: PLR0913, PLR0917  all that a mail is judged by
    session: Session, desk: Desk, now: datetime, row: InboundMail, found: Reading, reader: Reader
) -> tuple[Outcome, str | None]:
    row.message_id, row.verdict = found.message_id, found.verdict
    if found.verdict is not Verdict.PERSON:
        return Outcome.IGNORED, f"{found.verdict}: {found.reason}"
    if len(found.from_addresses) != 1:  # whom such a mail is from, every program sees differently
        return Outcome.REFUSED, "not-one-from"
    if row.purpose == Purpose.UNSUBSCRIBE:
        return _unsubscribe(session, now, row)
    return _post(session, desk, now, row, found, reader)


def _unsubscribe(session: Session, now: datetime, row: InboundMail) -> tuple[Outcome, str | None]:
    if _bearer(session, row) is None:
        return Outcome.REFUSED, "no-access"
    request = Request(ChangeKind.UPDATE, notify=Notify.OFF)
    asked = Requested(row.app_id or "", row.conversation_id or "", row.user_id or "", request, now)
    (accepted,) = changes.accept(session, [asked])
    return (Outcome.UNSUBSCRIBED, None) if isinstance(accepted, int) else (Outcome.REFUSED, "no-access")


def _post(  # noqa: PLR0913, PLR0917  the whole way of a reply in one place
    session: Session, desk: Desk, now: datetime, row: InboundMail, reading: Reading, reader: Reader
) -> tuple[Outcome, str | None]:
    conversation = conversations.lock(session, row.app_id or "", row.conversation_id or "")
    if _bearer(session, row) is None:
        return Outcome.REFUSED, "no-access"
    found = reader.words(_answered(session, desk, row, reading))
    came = _files(session, desk, row, [reading.attachments[place] for place in found.files])
    if not _says_something(found.text) and not came:
        return Outcome.IGNORED, "empty"
    row.fingerprint = reading.fingerprint
    if _is_repeat(session, row):
        return Outcome.IGNORED, "duplicate"
    posted = messages.post(session, now, desk.pace, conversation, list(_drafts(session, row, found, came)))
    for message, file in zip(posted, came, strict=False):
        files.keep(session, desk.keyring, message, file)
    return Outcome.POSTED, found.method


def _bearer(session: Session, row: InboundMail) -> Participation | None:
    """The participation, read again under the lock; None when its address died since RCPT."""
    query = (
        select(Participation).where(Participation.id == row.participation_id).execution_options(populate_existing=True)
    )
    participation = session.scalar(query)
    if participation is None or participation.generation != row.generation:
        return None
    return participation if addresses.serves(participation, Purpose(row.purpose)) else None


def _says_something(said: str) -> bool:
    """Whether there is a line that is neither blank nor a quote of somebody else's."""
    return any(line.strip() and not line.lstrip().startswith(">") for line in said.splitlines())


def _answered(session: Session, desk: Desk, row: InboundMail, reading: Reading) -> bytes | None:
    """Our mail that is answered, if the answer says which: what we wrote is no word of theirs."""
    query = select(Delivery).where(
        Delivery.app_id == row.app_id,
        Delivery.conversation_id == row.conversation_id,
        Delivery.user_id == row.user_id,
        Delivery.message_id.in_(reading.answers),
    )
    delivery = session.scalar(query.order_by(Delivery.created_at.desc()).limit(1)) if reading.answers else None
    if delivery is None:
        return None
    return desk.keyring.unseal(delivery.body_sealed, about=deliveries.seal_name(delivery.id))


def _is_repeat(session: Session, row: InboundMail) -> bool:
    query = select(InboundMail.id).where(
        InboundMail.participation_id == row.participation_id,
        InboundMail.fingerprint == row.fingerprint,
        InboundMail.outcome == Outcome.POSTED,
    )
    return session.scalar(query.limit(1)) is not None


def _files(session: Session, desk: Desk, row: InboundMail, came: Sequence[Attachment]) -> Sequence[Attachment]:
    author = (row.app_id or "", row.conversation_id or "", row.user_id or "")
    return files.fresh(session, desk.keyring, author, came)


def _drafts(
    session: Session, row: InboundMail, found: reply.Reply, came: Sequence[Attachment]
) -> Iterator[messages.Draft]:
    """A message of the words with the first file, and one for each other file: a message has one at most."""
    said = found.text[: messages.TEXT_LIMIT] if _says_something(found.text) else came[0].name
    yield messages.Draft(
        MessageType.USER,
        said,
        Origin.EMAIL,
        sender_id=row.user_id,
        elided=_elided(found, came)[: messages.TEXT_LIMIT] or None,
        names=_named(session, row, said) if "@" in said else {},
        attachment=files.reference(came[0]) if came else None,
    )
    for file in came[1 : files.MOST]:
        yield messages.Draft(
            MessageType.USER, file.name, Origin.EMAIL, sender_id=row.user_id, attachment=files.reference(file)
        )


def _elided(found: reply.Reply, came: Sequence[Attachment]) -> str:
    """What was cut, and the names of the files that are too many."""
    beyond = ", ".join(file.name for file in came[files.MOST :])
    return "\n".join(filter(None, (beyond and f"[not kept: {beyond}]", found.elided)))


def _named(session: Session, row: InboundMail, said: str) -> dict[str, str]:
    """The participants whose names stand in the text behind an @, as lower-case name to id."""
    rows = session.execute(
        text("""
        SELECT lower(u.name) AS name, u.id FROM participations p
        JOIN users u ON u.app_id = p.app_id AND u.id = p.user_id
        WHERE p.app_id = :app AND p.conversation_id = :conversation AND p.present AND p.access <> 'None'
            AND position('@' || lower(u.name) IN lower(:said)) > 0"""),
        {"app": row.app_id, "conversation": row.conversation_id, "said": said},
    )
    return {found.name: found.id for found in rows}
