"""Values known about one inbound mail: the mail after reading, and the input of its checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from mailtalk.inbound.claim import ClaimedMail
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.replies.extract import Reply
from mailtalk.models import Delivery
from mailtalk.participation.rules import State
from mailtalk.vocabulary import SenderPolicy, Verdict

NOTHING = Reply("", "", "whole", 0.0)


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A claimed mail after reading; no database is needed for it.

    `trouble`: the limit that it exceeds (then `reading` covers its header alone, or is missing); `unreadable`: why no
    process could read it; `signed`: deliveries whose signed envelope senders occur in a report; `error`: its bytes
    cannot be unsealed; `is_postponed`: the DNS did not answer about its sender.
    """

    mail: ClaimedMail
    reading: Reading | None = None
    reply: Reply = NOTHING
    trouble: str | None = None
    unreadable: str | None = None
    evidence: Mapping[str, Any] | None = None
    signed: Sequence[UUID] = ()
    error: Exception | None = None
    is_postponed: bool = False

    @property
    def is_persons(self) -> bool:
        """True if no signal shows that a machine wrote the mail."""
        return self.reading is not None and self.reading.verdict is Verdict.PERSON


class Person(NamedTuple):
    """Participant whose address received a mail, and their app; `state` is None once the conversation is deleted."""

    app_name: str
    sender_policy: SenderPolicy
    name: str
    mailboxes: tuple[str, ...]
    locale: str | None
    time_zone: str | None
    state: State | None
    style: Mapping[str, Any] = MappingProxyType({})
    accepted: tuple[str, ...] = ()  # addresses that the participant also writes from


NOBODY = Person("", SenderPolicy.CAPABILITY, "", (), None, None, None)


class Said(NamedTuple):
    """An earlier mail of a participant, written by a person."""

    received_at: datetime
    hash: bytes | None


class Earlier(NamedTuple):
    """A participant's earlier mails: `posted` are fingerprints of those with the same fingerprint or Message-ID.

    `lately` counts those of a person in the hour before this one arrived, `same_text` those of them with its text;
    `asked` counts the "was this you?" questions of the last day; `is_repeated` is true if the same text was quarantined
    within that day, or the participant said of this address that it is not them; `questions` are the Message-IDs of the
    questions about this very mail, from an earlier processing.
    """

    posted: frozenset[bytes] = frozenset()
    lately: int = 0
    same_text: int = 0
    asked: int = 0
    is_repeated: bool = False
    questions: frozenset[str] = frozenset()


NOTHING_EARLIER = Earlier()


@dataclass(frozen=True, slots=True)
class MailInHand:
    """Input of the checks for one mail, as values; read under the conversation's lock."""

    now: datetime
    mail: ClaimedMail
    reading: Reading
    reply: Reply = NOTHING
    trouble: str | None = None
    evidence: Mapping[str, Any] | None = None
    person: Person | None = None
    has_conversation: bool = False
    subject: str | None = None
    earlier: Earlier = NOTHING_EARLIER
    files: Sequence[MailAttachment] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery | None = None
    is_signed: bool = False
    was_reported: bool = False
    said_hash: bytes | None = None

    @property
    def mailboxes(self) -> Sequence[str]:
        """Registered addresses of the participant."""
        return self.person.mailboxes if self.person else ()

    @property
    def says_something(self) -> bool:
        """True if there is a line that is neither blank nor quoted."""
        return any(line.strip() and not line.lstrip().startswith(">") for line in self.reply.text.splitlines())
