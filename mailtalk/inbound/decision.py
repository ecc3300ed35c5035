"""Decision about one inbound mail: everything that is written about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from mailtalk.conversations.drafts import Draft
from mailtalk.events.record import Happened
from mailtalk.mail.parsing.parse import MailAttachment
from mailtalk.models import Delivery
from mailtalk.outbound.bounces import Report
from mailtalk.vocabulary import DeliveryKind, Outcome, Verdict


class PendingNotice(NamedTuple):
    """Notice to be sent to a participant about their mail; a rejection is sent once a day at most."""

    kind: DeliveryKind
    mailbox: str
    message_id: str = ""
    why: str = ""
    link: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Everything that is written about a mail: outcome, resulting messages, events and notices.

    With outcome RECEIVED it stays in the queue until `not_before`.
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
    files: Sequence[MailAttachment] = ()
    released_address: str | None = None
    unsubscribes: bool = False
    report: Report | None = None
    about: Delivery | None = None
    events: Sequence[Happened] = ()
    notices: Sequence[PendingNotice] = ()
