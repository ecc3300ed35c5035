"""What inbound processing works with: its dependencies, the values that a check may use, and what it decides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from mailtalk.conversations.messages import Draft
from mailtalk.events.record import Happened
from mailtalk.inbound.authentication import Authenticator
from mailtalk.inbound.claim import ClaimedMail
from mailtalk.inbound.dns import Resolver
from mailtalk.keys import Keyring
from mailtalk.mail.parsing.parse import Attachment
from mailtalk.mail.reader.reading import Reading
from mailtalk.mail.replies.extract import Reply
from mailtalk.mail.replies.quotes.own_mail import OwnAddress
from mailtalk.models import Delivery
from mailtalk.notifications.windows import Pace
from mailtalk.outbound.bounces import Report
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.participation.rules import State
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import DeliveryKind, Outcome, SenderPolicy, Verdict

Item = TypeVar("Item")
Result = TypeVar("Result")
NOTHING = Reply("", "", "whole", 0.0)


@cache
def own_address(domain: str) -> OwnAddress:
    """The form of our inbound addresses, by which they are hidden in what is kept."""
    return OwnAddress(domain)


class Reader(Protocol):
    """Reads one mail; LimitExceeded for one beyond the limits, Unreadable for one that it cannot read."""

    def read(self, raw: bytes, mail_from: str, own_domain: str) -> Reading:
        """Judge the mail, and keep it in mind."""
        ...

    def words(self, sent: bytes | None) -> Reply:
        """What the person wrote in the mail in mind, who may answer our mail `sent`."""
        ...


class Readers(Protocol):
    """Isolated processes that read mails, one mail at a time each."""

    def map(self, read: Callable[[Reader, Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results of `read(reader, item)` in the order of the items; several are read at once."""
        ...


@dataclass(frozen=True, slots=True)
class InboundContext:
    """Dependencies of inbound processing: keys, reply domain, readers, and the rules that the settings name."""

    keyring: Keyring
    domain: str
    pace: Pace
    readers: Readers
    mail_per_hour: int = 60
    sender: str = ""
    base_url: str = ""
    authenticator: Authenticator | None = None
    suppress: timedelta = timedelta(days=30)  # how long an address that does not exist is left alone
    signer: MailSigner = MailSigner()  # noqa: RUF009  immutable

    @classmethod
    def from_settings(cls, settings: Settings, keyring: Keyring, readers: Readers) -> "InboundContext":
        """The context that the settings name."""
        return cls(
            keyring,
            settings.reply_domain,
            Pace.of(settings),
            readers,
            settings.mail_per_hour,
            settings.sender,
            settings.base_url,
            Authenticator(Resolver(settings.dns_servers), settings.trusted_sealers),
            timedelta(days=settings.suppress_days),
            MailSigner.of(settings),
        )


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A claimed mail after reading, which needs no database.

    `trouble`: the limit that it exceeds (then `reading` is of its header alone, or missing); `unreadable`: why no
    process could read it; `signed`: deliveries whose signed envelope senders stand in a report; `error`: its bytes
    cannot be had; `is_postponed`: the DNS did not answer about its sender.
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
        """True for a mail that no mark shows to be a machine's."""
        return self.reading is not None and self.reading.verdict is Verdict.PERSON


class Person(NamedTuple):
    """The participant whose address a mail came to, and their app; `state` is None once the conversation is gone."""

    app_name: str
    sender_policy: SenderPolicy
    name: str
    mailboxes: tuple[str, ...]
    locale: str | None
    time_zone: str | None
    state: State | None
    style: Mapping[str, Any] = MappingProxyType({})


NOBODY = Person("", SenderPolicy.CAPABILITY, "", (), None, None, None)


class Said(NamedTuple):
    """One earlier mail of a participant that a person wrote."""

    received_at: datetime
    hash: bytes | None


class Earlier(NamedTuple):
    """A participant's earlier mails: `posted` with the same fingerprint or Message-ID, `lately` within the hour.

    `asked` counts the questions "was this you?" of the last day; `is_repeated` is true when the same text was put
    aside in that day; `questions` are the Message-IDs of this mail's own, from an earlier processing.
    """

    posted: frozenset[bytes] = frozenset()
    lately: tuple[Said, ...] = ()
    asked: int = 0
    is_repeated: bool = False
    questions: frozenset[str] = frozenset()


NOTHING_EARLIER = Earlier()


@dataclass(frozen=True, slots=True)
class MailInHand:
    """Everything that a check may know of one mail, as values; read under the conversation's lock."""

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
    files: Sequence[Attachment] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery | None = None
    is_signed: bool = False
    was_reported: bool = False
    said_hash: bytes | None = None

    @property
    def mailboxes(self) -> Sequence[str]:
        """Where the participant has mail, as the app knows."""
        return self.person.mailboxes if self.person else ()

    @property
    def says_something(self) -> bool:
        """True if there is a line that is neither blank nor a quote of somebody else's."""
        return any(line.strip() and not line.lstrip().startswith(">") for line in self.reply.text.splitlines())


class Notice(NamedTuple):
    """A mail of ours to the participant about their mail; a rejection is made once a day at most."""

    kind: DeliveryKind
    mailbox: str
    message_id: str = ""
    why: str = ""
    link: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Everything that is written about a mail: its outcome, what it becomes, and who is told.

    RECEIVED leaves it waiting until `not_before`.
    """

    outcome: Outcome
    verdict: Verdict | None = None
    reason: str | None = None
    flag: str | None = None
    fingerprint: bytes | None = None
    said_hash: bytes | None = None
    message_id: str | None = None
    evidence: Mapping[str, Any] | None = None
    not_before: datetime | None = None
    drafts: Sequence[Draft] = ()
    files: Sequence[Attachment] = ()
    released_address: str | None = None
    unsubscribes: bool = False
    report: Report | None = None
    about: Delivery | None = None
    events: Sequence[Happened] = ()
    notices: Sequence[Notice] = ()
