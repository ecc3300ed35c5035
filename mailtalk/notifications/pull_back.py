"""Due times beyond what any setting can give, as after a clock jumped ahead and back, are pulled back to now."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.notifications.windows import Pace
from mailtalk.outbound.sending_settings import SendingSettings
from mailtalk.outbound.smtp_replies import BACK_OFF

MOST = 5_000  # rows of each kind in one transaction
JITTER = 1.25  # of back-off, rounded up
TOLERANCE = timedelta(minutes=1)
HELD_BACK = timedelta(hours=1)  # longest delay by the hourly cap
DIGEST = timedelta(hours=25)  # longest wait for a digest, on the day that has an hour more

_WINDOWS = sql.statement("""
    UPDATE conversations c SET window_opened_at = least(c.window_opened_at, :now), window_due_at = :now
    WHERE (app_id, id) IN (
        SELECT c.app_id, c.id FROM conversations c JOIN apps a ON a.id = c.app_id
        WHERE c.window_due_at > :now + :tolerance
            AND c.window_due_at > :now + :tolerance + coalesce(a.cap_seconds * interval '1 second', :cap)
        ORDER BY c.app_id, c.id LIMIT :most FOR NO KEY UPDATE OF c SKIP LOCKED)
    RETURNING 1""")
_NOTIFICATIONS = sql.statement("""
    UPDATE notifications SET not_before = :now WHERE (app_id, id) IN (
        SELECT app_id, id FROM notifications WHERE status = $NotificationStatus.OPEN
            AND (NOT digest AND not_before > :now + :held_back OR digest AND not_before > :now + :digest)
        ORDER BY app_id, id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING 1""")
_DELIVERIES = sql.statement("""
    UPDATE deliveries SET not_before = :now, slot_at = NULL WHERE (app_id, id) IN (
        SELECT app_id, id FROM deliveries
        WHERE stage IN ($Stage.QUEUED, $Stage.DEFERRED, $Stage.UNKNOWN) AND not_before > :now + :tolerance
            AND not_before > :now + :tolerance + CASE WHEN slot_at IS NOT NULL THEN :give_up
                ELSE (CAST(:waits AS interval[]))[least(greatest(attempts, 1), :longest)] END
        ORDER BY app_id, id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING 1""")
_RATES = sql.statement(
    "UPDATE domain_rates SET next_at = :now WHERE next_at > :now + :tolerance + :give_up RETURNING 1"
)


def pull_back(session: Session, now: datetime, pace: Pace, rules: SendingSettings) -> int:
    """Make due what would wait longer than any setting lets it; returns the number of rows."""
    values = {
        "now": now,
        "tolerance": TOLERANCE,
        "cap": pace.cap,
        "held_back": HELD_BACK + TOLERANCE,
        "digest": DIGEST + TOLERANCE,
        "give_up": rules.give_up,
        "waits": [wait * JITTER for wait in BACK_OFF],
        "longest": len(BACK_OFF),
        "most": MOST,
    }
    statements = (_WINDOWS, _NOTIFICATIONS, _DELIVERIES, _RATES)
    return sum(len(session.execute(statement, values).all()) for statement in statements)
