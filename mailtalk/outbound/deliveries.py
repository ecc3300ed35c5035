"""Deliveries in a worker's hand: said before the dot, settled after it; each step an update with the claim."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.events import record as events
from mailtalk.ids import NOTIFICATION
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.models import Delivery
from mailtalk.outbound import smtp_replies, suppressions
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import EventType, Stage

BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 120, 240))
RELAY_AWAY = timedelta(seconds=5)
REPLY_LIMIT = 500  # characters of the relay's answer that are kept
ENDS = {Stage.SENT, Stage.CAPTURED, Stage.FAILED}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of sending: how long, how fast, and what becomes of a mail that may have gone."""

    give_up: timedelta = timedelta(hours=48)
    suppress: timedelta = timedelta(days=30)
    hold: bool = False
    per_minute: int = 0  # to one domain; 0: any number

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """The rules that the settings name."""
        return cls(
            timedelta(hours=settings.give_up_hours),
            timedelta(days=settings.suppress_days),
            settings.unknown == "hold",
            settings.domain_mails_per_minute,
        )

    @property
    def doubt(self) -> Stage:
        """Where a delivery goes whose final dot was sent and whose answer was lost."""
        return Stage.HELD if self.hold else Stage.UNKNOWN


DEFAULT = Rules()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in a worker's hand."""

    app_id: str
    id: UUID
    claim: UUID
    kind: str
    notification_id: int | None
    conversation_id: str
    user_id: str
    address: str
    body_sealed: bytes
    attempts: int
    created_at: datetime


def seal_name(delivery_id: UUID) -> str:
    """What binds the sealed bytes to their row."""
    return f"delivery/{delivery_id}"


def freeze(delivery: Delivery, mail: bytes, keyring: Keyring, signer: MailSigner) -> Delivery:
    """Keep the mail with its delivery as every try will send it: marked, signed, and sealed."""
    delivery.body_sealed = keyring.seal(signer.sign(mail, delivery.id), about=seal_name(delivery.id))
    return delivery


def sending(session: Session, claimed: Claimed) -> bool:
    """Say that the final dot is about to be sent; False when the claim was lost: then it must not be."""
    return _move(session, claimed, (Stage.CLAIMED,), "stage = 'sending'", {})


def settle(  # noqa: PLR0913, PLR0917  an end and the rules for it
    session: Session, now: datetime, claimed: Claimed, stage: Stage, reply: str, rules: Rules = DEFAULT
) -> bool:
    """Record how it went: SENT, CAPTURED, FAILED, DEFERRED (with back-off), UNKNOWN or QUEUED (nothing was tried)."""
    if stage is Stage.SENT:
        # It survives the death of any process; when the whole machine dies, the row says so: sending.
        session.execute(text("SET LOCAL synchronous_commit = off"))
    unknown = stage is Stage.UNKNOWN
    stage, reply = _judged(now, claimed, stage, reply, rules)
    assignments = """stage = :stage, reply = :reply, not_before = :later, ended_at = :ended, attempts = :attempts,
        slot_at = NULL, unknowns = unknowns + :unknown"""
    values = {
        "stage": stage,
        "reply": reply,
        "later": now + wait(stage, claimed.attempts),
        "ended": now if stage in ENDS else None,
        "attempts": claimed.attempts - (stage is Stage.QUEUED),
        "unknown": int(unknown),
    }
    moved = _move(session, claimed, (Stage.CLAIMED, Stage.SENDING), assignments, values)
    if moved and stage in ENDS:
        _tell(session, now, claimed, stage, reply, rules)
    return moved


def bounced(session: Session, now: datetime, delivery: Claimed | Delivery, kind: str, status: str | None) -> None:
    """Tell webhooks that a mail did not arrive, or was called spam; the address is one of the app's own user."""
    record(
        session,
        now,
        delivery,
        EventType.NOTIFICATION_BOUNCED,
        {"address": delivery.address, "bounce": kind, "status": status},
    )


def record(
    session: Session,
    now: datetime,
    delivery: Claimed | Delivery,
    kind: EventType,
    more: dict[str, str | None] | None = None,
) -> None:
    """Write an event about a notification's mail; of other mails nothing is told."""
    if delivery.notification_id is not None:
        data = {
            "notificationId": NOTIFICATION.show(delivery.notification_id),
            "recipient": {"id": delivery.user_id},
            "conversationId": delivery.conversation_id,
            "deliveryId": str(delivery.id),
        }
        events.record(session, now, delivery.app_id, kind, {**data, **(more or {})}, delivery.conversation_id)


def wait(stage: Stage, attempts: int) -> timedelta:
    """How long until the next try."""
    if stage is Stage.QUEUED:
        return RELAY_AWAY
    return BACK_OFF[max(min(attempts, len(BACK_OFF)), 1) - 1] * random.uniform(0.8, 1.2)


def _judged(now: datetime, claimed: Claimed, stage: Stage, reply: str, rules: Rules) -> tuple[Stage, str]:
    shown = address.hidden(reply)[:REPLY_LIMIT]
    if stage in {Stage.DEFERRED, Stage.UNKNOWN} and now - claimed.created_at > rules.give_up:
        return Stage.FAILED, f"given up after {rules.give_up}: {shown}"
    return (rules.doubt if stage is Stage.UNKNOWN else stage), shown


def _tell(  # noqa: PLR0913, PLR0917  an end and the rules for it
    session: Session, now: datetime, claimed: Claimed, stage: Stage, reply: str, rules: Rules
) -> None:
    """What an end means for others: webhooks hear of it, and a refused address is remembered."""
    if stage is not Stage.FAILED:
        record(session, now, claimed, EventType.NOTIFICATION_SENT)
    elif smtp_replies.is_refusal(reply):
        dead, status = smtp_replies.is_dead(reply), smtp_replies.enhanced(reply)
        suppressions.note(session, now, claimed.app_id, claimed.address, status, rules.suppress, dead=dead)
        bounced(session, now, claimed, "hard" if dead else "soft", status)


def _move(
    session: Session, claimed: Claimed, stages: Sequence[Stage], assignments: str, values: dict[str, object]
) -> bool:
    statement = f"""UPDATE deliveries SET {assignments}
        WHERE app_id = :app AND id = :id AND claim = :claim AND stage = ANY(:stages) RETURNING 1"""  # noqa: S608  ours
    keys = {"app": claimed.app_id, "id": claimed.id, "claim": claimed.claim, "stages": list(stages)}
    return session.execute(text(statement), keys | values).one_or_none() is not None
