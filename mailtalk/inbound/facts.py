"""Facts: data for the decisions about a batch of mails, read set-based under the conversations' locks.

Decisions about earlier mails of the batch count for its later mails.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mailtalk import files, mentions
from mailtalk.conversations.drafts import TEXT_LIMIT
from mailtalk.db import sql
from mailtalk.db.arrays import of_conversations
from mailtalk.ids import ConversationKey
from mailtalk.inbound import duplicates, pipeline
from mailtalk.inbound.context import InboundContext, own_address
from mailtalk.inbound.decision import Decision
from mailtalk.inbound.history import BatchHistory
from mailtalk.inbound.mail_in_hand import NOTHING_EARLIER, Earlier, MailInHand, Person, ReadMail
from mailtalk.inbound.read import REPORTS
from mailtalk.mail import address
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.mail.reader.reading import Reading
from mailtalk.models import Conversation, Delivery
from mailtalk.outbound import bounces
from mailtalk.participation.notify import TAKES_PART
from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, Notify, Purpose, SenderPolicy

_SQL = {
    name: sql.load(__file__, f"facts_{name}", takes_part=TAKES_PART)
    for name in ("conversations", "people", "earlier", "names", "questions")
}


class Facts:
    """Facts about one batch; `in_hand` gives those about one mail, `note` adds a decision for the later mails."""

    def __init__(self, session: Session, context: InboundContext, now: datetime, mails: Sequence[ReadMail]) -> None:
        self._session, self._context, self._now = session, context, now
        replies = [read for read in mails if read.mail.purpose is Purpose.REPLY and read.is_persons]
        written = [read for read in replies if read.trouble is None]
        self.conversations = self._locked(read.mail.conversation for read in replies)
        self._people = self._read_people([read for read in mails if read.mail.app_id is not None])
        self._earlier = self._read_earlier(written)
        self._names = self._read_names(written)
        self._files = dict(zip((read.mail.id for read in written), self._fresh(written), strict=True))
        self._deliveries = self._read_deliveries(mails)
        self._questions = self._read_questions(replies)
        self._history = BatchHistory(
            delivery.id for delivery in self._deliveries.values() if delivery.bounced_at is not None
        )

    def in_hand(self, read: ReadMail, reading: Reading) -> MailInHand:
        """Input of the checks for one mail."""
        mail, delivery, said_hash = read.mail, self._delivery(read), _hash(read)
        conversation = self.conversations.get(mail.conversation)
        return MailInHand(
            self._now,
            mail,
            reading,
            read.reply,
            read.trouble,
            read.evidence,
            self._people.get(mail.id),
            has_conversation=conversation is not None,
            subject=conversation.subject if conversation else None,
            earlier=self._history.added_to(self._read_before(read), read, said_hash),
            files=self._files.get(mail.id, ()),
            names=self._names.get(mail.id, {}),
            delivery=delivery,
            is_signed=delivery is not None and delivery.id in _signed(read),
            was_reported=delivery is not None and self._history.is_reported(delivery.id),
            said_hash=said_hash,
        )

    def note(self, hand: MailInHand, decision: Decision) -> None:
        """Add a decision, for the later mails of the batch."""
        self._history.note(hand, decision)

    def _locked(self, keys: Iterable[ConversationKey]) -> dict[ConversationKey, Conversation]:
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        query = select(Conversation).from_statement(_SQL["conversations"]).execution_options(populate_existing=True)
        rows = self._session.scalars(query, of_conversations(wanted)).all()
        for row in rows:  # written by set-based statements, not by the session
            self._session.expunge(row)
        return {ConversationKey(row.app_id, row.id): row for row in rows}

    def _read_people(self, mails: Sequence[ReadMail]) -> dict[int, Person]:
        values = _columns(mails, "id", "app_id", "user_id", "participation_id")
        return {row.mail_id: _person(row) for row in self._execute("people", mails, values)}

    def _read_earlier(self, written: Sequence[ReadMail]) -> dict[int, Earlier]:
        own = own_address(self._context.domain)
        values = _columns(written, "id", "participation_id", "received_at") | {
            "fingerprints": [read.reading and read.reading.fingerprint for read in written],
            "message_ids": [own.scrub((read.reading and read.reading.message_id) or "") or None for read in written],
            "said_hashes": [_hash(read) for read in written],
            "most": self._context.mail_per_hour,
        }
        return {row.mail_id: _earlier(row) for row in self._execute("earlier", written, values)}

    def _read_names(self, written: Sequence[ReadMail]) -> dict[int, dict[str, str]]:
        naming = [read for read in written if mentions.may_name(read.reply.text[:TEXT_LIMIT])]
        names: dict[int, dict[str, str]] = defaultdict(dict)
        for row in self._execute("names", naming, _columns(naming, "id", "app_id", "conversation_id")):
            names[row.mail_id][row.id] = row.name
        return names

    def _fresh(self, written: Sequence[ReadMail]) -> list[list[MailAttachment]]:
        came = [(read, [read.reading.attachments[i] for i in read.reply.files]) for read in written if read.reading]
        authors = [
            ((read.mail.app_id or "", read.mail.conversation_id or "", read.mail.user_id or "")) for read, _ in came
        ]
        return files.fresh(
            self._session,
            self._context.keyring,
            [(author, attachments) for author, (_, attachments) in zip(authors, came, strict=True)],
        )

    def _read_questions(self, replies: Sequence[ReadMail]) -> dict[int, Row[Any]]:
        suspects = [read for read in replies if read.reading and self._is_suspect(read, read.reading)]
        values = _columns(suspects, "id", "participation_id", "app_id", "conversation_id", "user_id", "received_at") | {
            "hashes": [_hash(read) for read in suspects],
            "addresses": [read.reading.from_addresses[0] if read.reading else "" for read in suspects],
            "now": self._now,
        }
        return {row.mail_id: row for row in self._execute("questions", suspects, values)}

    def _is_suspect(self, read: ReadMail, reading: Reading) -> bool:
        person = self._people.get(read.mail.id)
        return (
            pipeline.suspicion(MailInHand(self._now, read.mail, reading, evidence=read.evidence, person=person))
            is not None
        )

    def _read_deliveries(self, mails: Sequence[ReadMail]) -> dict[UUID, Delivery]:
        wanted = {delivery_id for read in mails for delivery_id in _about(read)}
        return {delivery.id: delivery for delivery in bounces.lock(self._session, wanted)} if wanted else {}

    def _delivery(self, read: ReadMail) -> Delivery | None:
        """Delivery that a report is about: the newest one, of the participant whose address received the report."""
        mail, named = read.mail, (self._deliveries.get(delivery_id) for delivery_id in _about(read))
        own = [
            delivery
            for delivery in named
            if delivery is not None
            and (mail.app_id is None or (delivery.app_id, delivery.user_id) == (mail.app_id, mail.user_id))
        ]
        return max(own, key=lambda delivery: delivery.created_at, default=None)

    def _read_before(self, read: ReadMail) -> Earlier:
        """Earlier mails in the database."""
        before, questions = self._earlier.get(read.mail.id, NOTHING_EARLIER), self._questions.get(read.mail.id)
        if questions is None:
            return before
        asked = {"asked": questions.asked, "is_repeated": questions.is_repeated}
        return before._replace(**asked, questions=frozenset(questions.questions))

    def _execute(self, name: str, mails: Sequence[ReadMail], values: dict[str, Any]) -> Iterable[Row[Any]]:
        return self._session.execute(_SQL[name], values) if mails else ()


_PLURALS = {
    "id": "mails",
    "app_id": "apps",
    "user_id": "users",
    "conversation_id": "conversations",
    "participation_id": "participations",
    "received_at": "moments",
}


def _columns(mails: Sequence[ReadMail], *names: str) -> dict[str, Any]:
    return {_PLURALS[name]: [getattr(read.mail, name) for read in mails] for name in names}


def _person(row: Row[Any]) -> Person:
    state = None
    if row.present is not None:
        state = State(row.present, Access(row.access), Notify(row.notify), row.generation)
    mailboxes = tuple(address.distinct(row.emails or ()))
    return Person(
        row.app_name,
        SenderPolicy(row.sender_policy),
        row.name or "",
        mailboxes,
        row.locale,
        row.time_zone,
        state,
        row.style,
        tuple(row.accepted_senders or ()),
    )


def _earlier(row: Row[Any]) -> Earlier:
    return Earlier(frozenset(row.posted), row.lately, row.same_text)


def _hash(read: ReadMail) -> bytes | None:
    return duplicates.said_hash(read.reply, read.reading.answers if read.reading else ())


def _about(read: ReadMail) -> Sequence[UUID]:
    """Deliveries that a report may be about: by signed envelope sender, else by the Message-IDs in it."""
    if read.reading is None or (read.reading.verdict not in REPORTS and read.mail.purpose is not Purpose.BOUNCE):
        return ()
    return _signed(read) or bounces.named(read.reading)


def _signed(read: ReadMail) -> Sequence[UUID]:
    """Deliveries by signed envelope sender: the one that received the mail, else those found in its text."""
    return [read.mail.delivery_id] if read.mail.delivery_id else read.signed
