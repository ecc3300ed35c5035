"""Rate of mails to one recipient domain, over all workers: deliveries get their time slots."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import turns

SLOTS = 1000  # deliveries scheduled in one statement
QUEUE = "stage IN ('queued', 'deferred', 'unknown')"

_SCHEDULE = text(f"""
    WITH turn AS MATERIALIZED ({turns.turn("deliveries", QUEUE, "not_before")}),
    due AS MATERIALIZED (
        SELECT own.*, lower(split_part(address, '@', -1)) AS domain FROM turn CROSS JOIN LATERAL (
            SELECT app_id, id, not_before, address FROM deliveries
            WHERE app_id = turn.app_id AND {QUEUE} AND not_before <= :now AND slot_at IS NULL
            ORDER BY not_before LIMIT {turns.SHARE} FOR UPDATE SKIP LOCKED) AS own),
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
    WHERE d.app_id = p.app_id AND d.id = p.id""")  # noqa: S608  ours


def schedule(session: Session, now: datetime, per_minute: int) -> None:
    """Schedule due deliveries at their domain's rate: GCRA (the generic cell rate algorithm) in SQL.

    `domain_rates.next_at` is the domain's theoretical arrival time; its row is the lock between workers.
    """
    session.execute(_SCHEDULE, {"now": now, "limit": SLOTS, "interval": timedelta(minutes=1) / per_minute})
