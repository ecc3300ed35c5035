"""Queue of deliveries: claims by live workers, recovery of dead workers' claims."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db.workers import of_the_dead
from mailtalk.outbound import domain_rates
from mailtalk.outbound.deliveries import ClaimedDelivery
from mailtalk.outbound.sending_settings import DEFAULT, SendingSettings
from mailtalk.participation import notify

LATE = timedelta(seconds=15)
_HELD = "stage IN ('claimed', 'sending')"

_CLAIM = text(f"""
    WITH due AS MATERIALIZED (
        SELECT app_id, id FROM deliveries
        WHERE stage IN ('queued', 'deferred', 'unknown') AND not_before <= :now
            AND (slot_at IS NOT NULL OR NOT :paced)
        ORDER BY not_before LIMIT :limit FOR UPDATE SKIP LOCKED),
    judged AS (
        SELECT d.app_id, d.id, CASE
            WHEN s.reason IS NOT NULL THEN 'suppressed: ' || s.reason
            WHEN d.kind <> 'notification' THEN NULL
            ELSE {notify.BARRED} END AS reason
        FROM due JOIN deliveries d USING (app_id, id)
        LEFT JOIN suppressions s ON s.app_id = d.app_id AND s.address = lower(d.address) AND s.until > :now
        LEFT JOIN participations p ON p.app_id = d.app_id AND p.conversation_id = d.conversation_id
            AND p.user_id = d.user_id),
    taken AS (
        UPDATE deliveries d SET claim = gen_random_uuid(), worker_id = :worker,
            stage = CASE WHEN j.reason IS NULL THEN 'claimed' ELSE 'cancelled' END,
            attempts = attempts + CASE WHEN j.reason IS NULL THEN 1 ELSE 0 END,
            reply = coalesce(j.reason, d.reply),
            ended_at = CASE WHEN j.reason IS NOT NULL THEN CAST(:now AS timestamptz) END
        FROM judged j WHERE d.app_id = j.app_id AND d.id = j.id
        RETURNING d.*)
    SELECT app_id, id, claim, kind, notification_id, conversation_id, user_id, address, body_sealed, attempts,
        created_at FROM taken WHERE stage = 'claimed' ORDER BY not_before""")  # noqa: S608  ours
_RECOVER = text(f"""
    UPDATE deliveries SET claim = CASE stage WHEN 'sending' THEN claim END,
        not_before = CASE stage WHEN 'sending' THEN :later ELSE not_before END,
        stage = CASE stage WHEN 'claimed' THEN 'queued' ELSE :doubt END,
        unknowns = unknowns + CASE stage WHEN 'sending' THEN 1 ELSE 0 END
    WHERE {_HELD} AND {of_the_dead("deliveries", _HELD)} RETURNING 1""")  # noqa: S608  ours


def claim(
    session: Session, now: datetime, worker_id: int, limit: int, rules: SendingSettings = DEFAULT
) -> list[ClaimedDelivery]:
    """Claim due deliveries, oldest first; no other worker claims them while this one lives.

    Cancels deliveries that must no longer be sent: the reader left, wants no mail, or is suppressed.
    """
    if rules.per_minute:
        domain_rates.schedule(session, now, rules.per_minute)
    rows = session.execute(
        _CLAIM,
        {"worker": worker_id, "now": now, "limit": limit, "paced": rules.per_minute > 0},
    )
    return [ClaimedDelivery(*row) for row in rows]


def recover(session: Session, now: datetime, rules: SendingSettings = DEFAULT) -> int:
    """Release dead workers' claims; returns the number. `claimed` is queued again, `sending` may have been sent.

    A worker that only lost the database counts as dead, too: it has LATE to record its results under the old claim.
    """
    return len(session.execute(_RECOVER, {"doubt": rules.doubt, "later": now + LATE}).all())
