"""Inbound mails of the log."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.schemas.types import maybe_millis
from mailtalk import clock
from mailtalk.events.schemas import Millis
from mailtalk.ids import MAIL
from mailtalk.inbound import quarantine
from mailtalk.models import InboundMail as InboundMailRow
from mailtalk.vocabulary import Outcome, Purpose, Verdict


class InboundMail(msgspec.Struct, rename="camel", kw_only=True):
    """A mail to an inbound address, and its outcome. The address is a secret and never shown."""

    id: str
    outcome: Outcome
    verdict: Verdict | None
    reason: Annotated[str, Meta(description="The rule that decided, as a code: `left`, `null-sender`, …")] | None
    flag: Annotated[str, Meta(description="A finding that did not decide the outcome.")] | None
    purpose: Purpose
    user_id: str | None
    conversation_id: str | None
    message_id: Annotated[str, Meta(description="The message it became.")] | None
    size: int | None
    received_at: Millis
    processed_at: Millis | None
    released_at: Millis | None
    can_replay: bool
    elided: Annotated[str, Meta(description="The text that was cut off; only in the answer for one mail.")] | (
        UnsetType | None
    ) = UNSET
    evidence: (
        Annotated[
            dict[str, str | None],
            Meta(description="SPF, DKIM and ARC results, if the app's policy asks for them; for one mail."),
        ]
        | UnsetType
        | None
    ) = UNSET

    @classmethod
    def of(cls, row: InboundMailRow) -> "InboundMail":
        """Convert a mail's row, without the text cut off and the authentication results."""
        return cls(
            id=MAIL.show(row.id),
            outcome=Outcome(row.outcome),
            verdict=Verdict(row.verdict) if row.verdict else None,
            reason=row.reason,
            flag=row.flag,
            purpose=Purpose(row.purpose),
            user_id=row.user_id,
            conversation_id=row.conversation_id,
            message_id=row.posted_as,
            size=row.size,
            received_at=clock.millis(row.received_at),
            processed_at=maybe_millis(row.processed_at),
            released_at=maybe_millis(row.released_at),
            can_replay=row.raw_id is not None and row.outcome in quarantine.REPLAYABLE,
        )
