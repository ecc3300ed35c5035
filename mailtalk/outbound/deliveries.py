"""Delivery state machine, set-based: many deliveries, one statement.

`sending` is committed before DATA's final dot, the result after the reply; every transition is a conditional UPDATE on
the claim id.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk import ids
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.models import Delivery
from mailtalk.outbound import suppressions
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.outbound.smtp_replies import BACK_OFF, RELAY_AWAY, SendResult
from mailtalk.outbound.suppressions import Refusal
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import DeliveryKind, EventType, Stage

REPLY_LIMIT = 500  # characters of the relay's reply that are kept
ENDS = {Stage.SENT, Stage.CAPTURED, Stage.FAILED}

_START = text("""
    UPDATE deliveries d SET stage = 'sending'
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS uuid[]), CAST(:claims AS uuid[])) AS s (app_id, id, claim)
    WHERE d.app_id = s.app_id AND d.id = s.id AND d.claim = s.claim AND d.stage = 'claimed'
    RETURNING d.id""")
_SETTLE = text("""
    UPDATE deliveries d SET stage = e.stage, reply = e.reply, not_before = e.not_before, ended_at = e.ended_at,
        attempts = e.attempts, slot_at = NULL, unknowns = d.unknowns + e.unknown
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS uuid[]), CAST(:claims AS uuid[]), CAST(:stages AS text[]),
        CAST(:replies AS text[]), CAST(:not_befores AS timestamptz[]), CAST(:ended_ats AS timestamptz[]),
        CAST(:attempts AS integer[]), CAST(:unknowns AS integer[]))
        AS e (app_id, id, claim, stage, reply, not_before, ended_at, attempts, unknown)
    WHERE d.app_id = e.app_id AND d.id = e.id AND d.claim = e.claim AND d.stage IN ('claimed', 'sending')
    RETURNING d.id""")


@dataclass(frozen=True, slots=True)
class SendingRules:
    """What the settings say of sending: how long, how fast, and what becomes of a mail whose reply was lost."""

    give_up: timedelta = timedelta(hours=48)
    suppress: timedelta = timedelta(days=30)
    hold: bool = False
    per_minute: int = 0  # mails to one domain; 0: no limit

    @classmethod
    def of(cls, settings: Settings) -> "SendingRules":
        """Read the settings."""
        return cls(
            timedelta(hours=settings.give_up_hours),
            timedelta(days=settings.suppress_days),
            settings.unknown == "hold",
            settings.domain_mails_per_minute,
        )

    @property
    def doubt(self) -> Stage:
        """The stage of a delivery whose final dot was sent and whose reply was lost."""
        return Stage.HELD if self.hold else Stage.UNKNOWN


DEFAULT = SendingRules()


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this worker claimed."""

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


class Step(NamedTuple):
    """A transition of a claimed delivery: to `sending`, or to the stage of its result."""

    delivery: ClaimedDelivery
    result: SendResult | None = None


def seal_name(delivery_id: UUID) -> str:
    """Associated data of the seal, which binds the bytes to their row."""
    return f"delivery/{delivery_id}"


def freeze(delivery: Delivery, mail: bytes, keyring: Keyring, signer: MailSigner) -> Delivery:
    """Set the delivery's bytes, equal in every retry: signed, then sealed."""
    delivery.body_sealed = keyring.seal(signer.sign(mail, delivery.id), about=seal_name(delivery.id))
    return delivery


def advance(session: Session, now: datetime, steps: Sequence[Step], rules: SendingRules = DEFAULT) -> list[bool]:
    """Take these steps; for each, in order, False if the claim was lost and nothing was changed."""
    starting = [step.delivery for step in steps if step.result is None]
    ended = [(step.delivery, step.result) for step in steps if step.result is not None]
    if not starting and all(result.stage is Stage.SENT for _, result in ended):
        # Survives the death of any process; when the whole machine dies, the row says `sending`.
        session.execute(text("SET LOCAL synchronous_commit = off"))
    moved = mark_sending(session, starting) | settle(session, now, ended, rules)
    return [step.delivery.id in moved for step in steps]


def mark_sending(session: Session, deliveries: Sequence[ClaimedDelivery]) -> set[UUID]:
    """Record that the final dot is about to be sent; the ids of those whose claim still holds, which alone may be."""
    return set(session.scalars(_START, _keys(deliveries))) if deliveries else set()


def settle(
    session: Session,
    now: datetime,
    ended: Sequence[tuple[ClaimedDelivery, SendResult]],
    rules: SendingRules = DEFAULT,
) -> set[UUID]:
    """Record how attempts ended, tell webhooks and note refused addresses; the ids of those whose claim still held."""
    if not ended:
        return set()
    ends = [_End.of(now, delivery, result, rules) for delivery, result in ended]
    values = {
        "stages": [end.stage for end in ends],
        "replies": [end.reply for end in ends],
        "not_befores": [now + end.wait for end in ends],
        "ended_ats": [now if end.stage in ENDS else None for end in ends],
        "attempts": [end.delivery.attempts - (end.stage is Stage.QUEUED) for end in ends],
        "unknowns": [int(end.unknown) for end in ends],
    }
    moved = set(session.scalars(_SETTLE, _keys([end.delivery for end in ends]) | values))
    _tell(session, now, [end for end in ends if end.delivery.id in moved and end.stage in ENDS], rules)
    return moved


def bounced(delivery: ClaimedDelivery | Delivery, kind: str, status: str | None) -> Iterable[Happened]:
    """The event that a mail did not arrive, or was called spam; the address is one of the app's own user."""
    return _event(
        delivery,
        EventType.NOTIFICATION_BOUNCED,
        {"address": delivery.address, "bounce": kind, "status": status},
    )


class _End(NamedTuple):
    """The end of an attempt as the row keeps it."""

    delivery: ClaimedDelivery
    result: SendResult
    stage: Stage
    reply: str
    wait: timedelta
    unknown: bool

    @classmethod
    def of(cls, now: datetime, delivery: ClaimedDelivery, result: SendResult, rules: SendingRules) -> "_End":
        stage, reply = result.stage, address.hidden(result.text)[:REPLY_LIMIT]
        unknown = stage is Stage.UNKNOWN
        if stage in {Stage.DEFERRED, Stage.UNKNOWN} and now - delivery.created_at > rules.give_up:
            stage, reply = Stage.FAILED, f"given up after {rules.give_up}: {reply}"
        elif unknown:
            stage = rules.doubt
        return cls(delivery, result, stage, reply, _wait(stage, delivery.attempts), unknown)


def _wait(stage: Stage, attempts: int) -> timedelta:
    """Time until the next attempt."""
    if stage is Stage.QUEUED:
        return RELAY_AWAY
    return BACK_OFF[max(min(attempts, len(BACK_OFF)), 1) - 1] * random.uniform(0.8, 1.2)


def _tell(session: Session, now: datetime, ends: Sequence[_End], rules: SendingRules) -> None:
    """Webhooks hear of ends, and the addresses of refusals are noted."""
    happened: list[Happened] = []
    refusals: list[Refusal] = []
    for end in ends:
        refusal, delivery = end.result.refusal, end.delivery
        if end.stage is not Stage.FAILED:
            happened += _event(delivery, EventType.NOTIFICATION_SENT)
        elif refusal is not None:
            dead, status = refusal.is_dead_address, refusal.status
            refusals.append(Refusal(delivery.app_id, delivery.address, status, dead=dead))
            happened += bounced(delivery, "hard" if dead else "soft", status)
    suppressions.note(session, now, refusals, rules.suppress)
    events.record_many(session, happened, now)


def _event(
    delivery: ClaimedDelivery | Delivery, kind: EventType, more: dict[str, str | None] | None = None
) -> Iterable[Happened]:
    """An event about a notification's mail; other mails have none."""
    if delivery.kind == DeliveryKind.NOTIFICATION:
        data = {
            "notificationId": ids.NOTIFICATION.show(delivery.notification_id or 0),
            "recipient": {"id": delivery.user_id},
            "conversationId": delivery.conversation_id,
            "deliveryId": str(delivery.id),
        }
        yield Happened(delivery.app_id, kind, {**data, **(more or {})}, delivery.conversation_id)


def _keys(deliveries: Sequence[ClaimedDelivery]) -> dict[str, object]:
    return {
        "apps": [delivery.app_id for delivery in deliveries],
        "ids": [delivery.id for delivery in deliveries],
        "claims": [delivery.claim for delivery in deliveries],
    }
