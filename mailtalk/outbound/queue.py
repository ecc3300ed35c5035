"""Queue of deliveries: claims by live workers, apps in turns; recovery of dead workers' claims."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import sql, turns
from mailtalk.db.workers import of_the_dead
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.mail.composing.compose import LINES as SHOWN
from mailtalk.outbound import delivery_events, domain_rates
from mailtalk.outbound.deliveries import EARLIER_TRIES, ClaimedDelivery
from mailtalk.outbound.domain_rates import QUEUE
from mailtalk.outbound.sending_settings import DEFAULT, SendingSettings
from mailtalk.participation import notify
from mailtalk.vocabulary import Stage

LATE = timedelta(seconds=15)
_HELD = "stage IN ('claimed', 'sending')"

_CLAIM = sql.load(
    __file__,
    "claim",
    turn=turns.turn("deliveries", QUEUE, "not_before"),
    share=turns.SHARE,
    barred=notify.BARRED,
    why_not=notify.WHY_NOT,
    shown=str(SHOWN),
)
_RECOVER = text(f"""
    UPDATE deliveries d SET claim = CASE stage WHEN 'sending' THEN claim END,
        not_before = CASE stage WHEN 'sending' THEN :later ELSE not_before END,
        stage = CASE stage WHEN 'claimed' THEN 'queued' ELSE :doubt END,
        unknowns = unknowns + CASE stage WHEN 'sending' THEN 1 ELSE 0 END,
        tries = CASE stage WHEN 'sending' THEN {EARLIER_TRIES} || jsonb_build_object('at', CAST(:now AS timestamptz),
            'stage', CAST(:doubt AS text), 'reply', 'the worker ended before the answer was recorded') ELSE tries END
    WHERE {_HELD} AND {of_the_dead("deliveries", _HELD)} RETURNING 1""")  # noqa: S608  ours


def claim(
    session: Session, now: datetime, worker_id: int, limit: int, rules: SendingSettings = DEFAULT
) -> list[ClaimedDelivery]:
    """Claim due deliveries, of each app an equal share, oldest first; no other worker claims them while this one lives.

    Each is checked again in full: one that must no longer be sent is cancelled, one that changed is to be made anew.
    """
    if rules.per_minute:
        domain_rates.schedule(session, now, rules.per_minute)
    rows = session.execute(
        _CLAIM,
        {"worker": worker_id, "now": now, "limit": limit, "paced": rules.per_minute > 0},
    )
    deliveries: list[ClaimedDelivery] = []
    cancelled: list[Happened] = []
    for *values, stage, reason in rows:
        delivery = ClaimedDelivery(*values)
        if stage == Stage.CLAIMED:
            deliveries.append(delivery)
        elif event := delivery_events.cancelled(delivery, reason):
            cancelled.append(event)
    events.record_many(session, cancelled, now)
    return deliveries


def recover(session: Session, now: datetime, rules: SendingSettings = DEFAULT) -> int:
    """Release dead workers' claims; returns the number. `claimed` is queued again, `sending` may have been sent.

    A worker that only lost the database counts as dead, too: it has LATE to record its results under the old claim.
    """
    return len(session.execute(_RECOVER, {"doubt": rules.doubt, "now": now, "later": now + LATE}).all())
