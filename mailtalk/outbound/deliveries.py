"""Delivery state machine, set-based: one statement advances many deliveries.

`sending` is committed before DATA's final dot, the result after the reply; every transition is a conditional UPDATE on
the claim id.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from mailtalk import sealed_mail
from mailtalk.events.record import WANTS, Happened
from mailtalk.keys import Keyring
from mailtalk.mail import address
from mailtalk.models import Delivery
from mailtalk.outbound import delivery_events, suppressions
from mailtalk.outbound.dkim_signing import MailSigner
from mailtalk.outbound.sending_settings import DEFAULT, SendingSettings
from mailtalk.outbound.smtp_replies import BACK_OFF, KEY_AWAY, RELAY_AWAY, SendResult, SmtpReply
from mailtalk.outbound.suppressions import Refusal
from mailtalk.vocabulary import Stage

REPLY_LIMIT = 500  # characters of the relay's reply that are stored
TRIES = 20  # of one delivery that are kept
EARLIER_TRIES = f"(CASE WHEN jsonb_array_length(d.tries) < {TRIES} THEN d.tries ELSE d.tries - 0 END)"
ENDS = {Stage.SENT, Stage.CAPTURED, Stage.FAILED}

# Moves the deliveries whose claim still holds and records their events; gives their ids. LIMIT tells the planner how
# few they are. From `sending` to `sending`: a relay refused the mail at the dot, and the next one gets it.
# From `unknown`: the worker was taken for dead, and the result comes late.
ADVANCE = f"""
    WITH step AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(%(steps)s AS jsonb)) AS s (
            app_id text, id uuid, claim uuid, stage text, reply text, not_before timestamptz, ended_at timestamptz,
            attempts integer, unknown integer, tried jsonb, event text, conversation_id text, data jsonb)
        LIMIT %(count)s),
    moved AS (
        UPDATE deliveries d SET stage = s.stage, reply = coalesce(s.reply, d.reply),
            not_before = coalesce(s.not_before, d.not_before), ended_at = s.ended_at,
            attempts = coalesce(s.attempts, d.attempts), unknowns = d.unknowns + s.unknown,
            tries = CASE WHEN s.tried IS NULL THEN d.tries ELSE {EARLIER_TRIES} || s.tried END,
            sending_at = CASE s.stage WHEN 'sending' THEN coalesce(d.sending_at, %(now)s) ELSE d.sending_at END,
            slot_at = CASE s.stage WHEN 'sending' THEN d.slot_at END
        FROM step s WHERE d.app_id = s.app_id AND d.id = s.id AND d.claim = s.claim
            AND (d.stage IN ('claimed', 'sending')
                OR d.stage IN ('unknown', 'held') AND s.stage NOT IN ('sending', 'unknown', 'held'))
        RETURNING d.app_id, d.id, s.event AS type, s.conversation_id, s.data),
    recorded AS (
        INSERT INTO events (app_id, type, conversation_id, data, created_at)
        SELECT e.app_id, e.type, e.conversation_id, e.data, CAST(%(now)s AS timestamptz) FROM moved e
        WHERE e.type IS NOT NULL AND EXISTS (
            SELECT 1 FROM webhooks w WHERE {WANTS}))
    SELECT id FROM moved
"""  # noqa: S608  ours


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """Delivery claimed by this worker."""

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


class DeliveryTry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Result of one try: the stage after it, the relay that was asked (None: none was), and its reply or our note."""

    at: datetime
    stage: Stage
    relay: str | None = None
    reply: str | None = None


class Step(NamedTuple):
    """A transition of a claimed delivery: to `sending`, or to the stage of its result."""

    delivery: ClaimedDelivery
    result: SendResult | None = None

    @property
    def refusal(self) -> SmtpReply | None:
        """The relay's refusal of the mail, which counts against its address."""
        return self.result.refusal if self.result else None


def seal_name(delivery_id: UUID) -> str:
    """Associated data of the seal, which binds the bytes to their row."""
    return f"delivery/{delivery_id}"


def freeze(delivery: Delivery, mail: bytes, keyring: Keyring, signer: MailSigner) -> Delivery:
    """Set the delivery's bytes, equal in every retry: signed, then sealed."""
    delivery.body_sealed = sealed_mail.seal(keyring, signer.sign(mail, delivery.id), seal_name(delivery.id))
    return delivery


def advance(session: Session, now: datetime, steps: Sequence[Step], rules: SendingSettings = DEFAULT) -> list[bool]:
    """Advance deliveries and record refused addresses; for each step, in order, False if its claim was lost."""
    rows = session.connection().exec_driver_sql(ADVANCE, parameters(now, steps, rules))
    moved = set(rows.scalars())
    _note_refusals(session, now, [step for step in steps if step.delivery.id in moved], rules)
    return taken(steps, moved)


def parameters(now: datetime, steps: Sequence[Step], rules: SendingSettings = DEFAULT) -> Mapping[str, Any]:
    """Parameters of ADVANCE."""
    return {
        "steps": msgspec.json.encode([_row(now, step, rules) for step in steps]).decode(),
        "count": len(steps),
        "now": now,
    }


def taken(steps: Sequence[Step], moved: Collection[UUID]) -> list[bool]:
    """For each step, True if ADVANCE moved its delivery."""
    return [step.delivery.id in moved for step in steps]


class _Row(msgspec.Struct, omit_defaults=True):
    """A step as ADVANCE reads it; a missing value leaves the row's as it is."""

    app_id: str
    id: UUID
    claim: UUID
    stage: Stage
    unknown: int
    reply: str | None = None
    not_before: datetime | None = None
    ended_at: datetime | None = None
    attempts: int | None = None
    tried: DeliveryTry | None = None
    event: str | None = None
    conversation_id: str | None = None
    data: dict[str, Any] | None = None


def _row(now: datetime, step: Step, rules: SendingSettings) -> _Row:
    delivery, result = step
    row = _Row(delivery.app_id, delivery.id, delivery.claim, Stage.SENDING, 0)
    if result is None:
        return row
    row.stage, row.reply = _end(now, delivery, result, rules)
    row.tried = DeliveryTry(now, row.stage, result.relay, row.reply)
    row.unknown = int(result.stage is Stage.UNKNOWN)
    row.not_before = now + _wait(row.stage, result, delivery.attempts)
    row.ended_at = now if row.stage in ENDS else None
    row.attempts = delivery.attempts - (row.stage is Stage.QUEUED or result.is_ours)
    if event := _event(delivery, result, row.stage):
        row.event, row.conversation_id, row.data = event.kind, event.conversation_id, event.data
    return row


def _end(now: datetime, delivery: ClaimedDelivery, result: SendResult, rules: SendingSettings) -> tuple[Stage, str]:
    """Stage after an attempt, and its reason in the row."""
    reply = address.hidden(result.text)[:REPLY_LIMIT]
    is_late = not result.is_ours and now - delivery.created_at > rules.give_up
    if is_late and result.stage in {Stage.DEFERRED, Stage.UNKNOWN}:
        return Stage.FAILED, f"given up after {rules.give_up}: {reply}"
    return (rules.doubt if result.stage is Stage.UNKNOWN else result.stage), reply


def _wait(stage: Stage, result: SendResult, attempts: int) -> timedelta:
    """Time until the next attempt."""
    if result.is_ours:
        return KEY_AWAY
    if stage is Stage.QUEUED:
        return RELAY_AWAY
    return BACK_OFF[max(min(attempts, len(BACK_OFF)), 1) - 1] * random.uniform(0.8, 1.2)


def _event(delivery: ClaimedDelivery, result: SendResult, stage: Stage) -> Happened | None:
    if stage in {Stage.SENT, Stage.CAPTURED}:
        return delivery_events.sent(delivery)
    if refusal := result.refusal:
        return delivery_events.bounced(delivery, "hard" if refusal.is_dead_address else "soft", refusal.status)
    return None


def _note_refusals(session: Session, now: datetime, steps: Sequence[Step], rules: SendingSettings) -> None:
    refusals = [
        Refusal(step.delivery.app_id, step.delivery.address, step.refusal.status, dead=step.refusal.is_dead_address)
        for step in steps
        if step.refusal
    ]
    suppressions.note(session, now, refusals, rules.suppress)
