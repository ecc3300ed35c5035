"""Decisions about the earlier mails of a batch, which are not in the database yet."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from mailtalk.inbound.decision import Decision
from mailtalk.inbound.mail_in_hand import Earlier, MailInHand, ReadMail, Said
from mailtalk.vocabulary import Outcome, Verdict

HOUR = timedelta(hours=1)
OF_PEOPLE = frozenset({Verdict.PERSON, Verdict.FLOOD})


class BatchHistory:
    """Decisions by participation, and the deliveries that were reported as failed."""

    def __init__(self, reported: Iterable[UUID]) -> None:
        self._posted: dict[UUID | None, list[tuple[bytes, str | None]]] = defaultdict(list)
        self._lately: dict[UUID | None, list[Said]] = defaultdict(list)
        self._asked: dict[UUID | None, list[bytes | None]] = defaultdict(list)
        self._reported = set(reported)

    def note(self, hand: MailInHand, decision: Decision) -> None:
        """Add a decision."""
        participation = hand.mail.participation_id
        if decision.outcome is Outcome.POSTED:
            self._posted[participation].append((hand.reading.fingerprint, hand.reading.message_id))
        if decision.verdict in OF_PEOPLE:
            self._lately[participation].append(Said(hand.mail.received_at, decision.said_hash))
        if decision.outcome is Outcome.QUARANTINED and decision.verdict is Verdict.SENDER:
            self._asked[participation].append(decision.said_hash)
        if decision.report is not None:
            self._reported.add(decision.report.delivery.id)

    def is_reported(self, delivery_id: UUID) -> bool:
        """True if a failure of this delivery was reported before."""
        return delivery_id in self._reported

    def added_to(self, before: Earlier, read: ReadMail, said_hash: bytes | None) -> Earlier:
        """A participant's earlier mails including those of the batch."""
        participation = read.mail.participation_id
        asked, lately = self._asked[participation], self._within_an_hour(read)
        return before._replace(
            posted=before.posted | self._alike(read),
            lately=before.lately + len(lately),
            same_text=before.same_text + lately.count(said_hash),
            asked=before.asked + len(asked),
            is_repeated=before.is_repeated or (said_hash is not None and said_hash in asked),
        )

    def _within_an_hour(self, read: ReadMail) -> list[bytes | None]:
        """Hashes of the texts of a person's mails in the hour before this one arrived."""
        came = read.mail.received_at
        lately = self._lately[read.mail.participation_id]
        return [said.hash for said in lately if came - HOUR <= said.received_at <= came]

    def _alike(self, read: ReadMail) -> frozenset[bytes]:
        """Fingerprints of posted mails with the same fingerprint or Message-ID."""
        if read.reading is None:
            return frozenset()
        fingerprint, message_id = read.reading.fingerprint, read.reading.message_id
        posted = self._posted[read.mail.participation_id]
        return frozenset(
            other for other, other_id in posted if other == fingerprint or (message_id and other_id == message_id)
        )
