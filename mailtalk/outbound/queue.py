"""The queue of deliveries: claims by live workers, recovery of dead workers' claims, rates of domains."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db.workers import of_the_dead
from mailtalk.outbound.deliveries import ClaimedDelivery
from mailtalk.outbound.sending_rules import DEFAULT, SendingRules
from mailtalk.participation import notify

SLOTS = 1000  # deliveries scheduled in one statement, where domains have a rate
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
    UPDATE deliveries SET claim = NULL, stage = CASE stage WHEN 'claimed' THEN 'queued' ELSE :doubt END,
        unknowns = unknowns + CASE stage WHEN 'sending' THEN 1 ELSE 0 END
    WHERE {_HELD} AND {of_the_dead("deliveries", _HELD)} RETURNING 1""")  # noqa: S608  ours


def claim(
    session: Session, now: datetime, worker_id: int, limit: int, rules: SendingRules = DEFAULT
) -> list[ClaimedDelivery]:
    """Claim due deliveries, oldest first; no other worker claims them while this one is alive.

    A delivery that must not be sent any more is cancelled: its reader left, wants no mail, or is suppressed.
    """
    if rules.per_minute:
        _give_slots(session, now, rules.per_minute)
    rows = session.execute(
        _CLAIM,
        {"worker": worker_id, "now": now, "limit": limit, "paced": rules.per_minute > 0},
    )
    return [ClaimedDelivery(*row) for row in rows]


def recover(session: Session, rules: SendingRules = DEFAULT) -> int:
    """Release dead workers' claims; gives how many. `claimed` is queued again, `sending` may have been sent."""
    return len(session.execute(_RECOVER, {"doubt": rules.doubt}).all())


def _give_slots(session: Session, now: datetime, per_minute: int) -> None:
    """Schedule due deliveries at their domain's rate: GCRA (the generic cell rate algorithm) in SQL.

    `domain_rates.next_at` is the domain's theoretical arrival time; its row is the lock between workers.
    """
    session.execute(
        text("""
        WITH due AS MATERIALIZED (
            SELECT app_id, id, not_before, lower(split_part(address, '@', -1)) AS domain FROM deliveries
            WHERE stage IN ('queued', 'deferred', 'unknown') AND not_before <= :now AND slot_at IS NULL
            ORDER BY not_before LIMIT :slots FOR UPDATE SKIP LOCKED),
        -- each delivery's place among those of its domain
        placed AS (SELECT *, row_number() OVER (PARTITION BY domain ORDER BY not_before) - 1 AS place FROM due),
        -- moves the domain's arrival time on by one interval for each delivery, from now if it has passed
        started AS (
            INSERT INTO domain_rates AS r (domain, next_at)
            SELECT domain, :now + count(*) * :interval FROM due GROUP BY domain ORDER BY domain
            ON CONFLICT (domain) DO UPDATE SET next_at = greatest(r.next_at, :now) + (excluded.next_at - :now)
            RETURNING domain, next_at)
        UPDATE deliveries d SET slot_at = s.first_at + p.place * :interval,
            not_before = greatest(d.not_before, s.first_at + p.place * :interval)
        FROM placed p
        JOIN (SELECT domain, next_at - :interval * (SELECT count(*) FROM due WHERE due.domain = started.domain)
            AS first_at FROM started) s USING (domain)
        WHERE d.app_id = p.app_id AND d.id = p.id"""),
        {"now": now, "slots": SLOTS, "interval": timedelta(minutes=1) / per_minute},
    )
