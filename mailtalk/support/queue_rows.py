"""Rows of each queue in SQL: those that wait, and the times at which rows arrived and were done.

A waiting row has the columns since (when it is due; null: not while things are as they are), id, app_id,
conversation_id, user_id and note. Each query is served by an index and reads at most :most rows.
"""

from typing import NamedTuple

from mailtalk.vocabulary import QueueName, Stage


class QueueRows(NamedTuple):
    """Three queries, as fragments of queue_status.sql."""

    waiting: str
    arrived: str
    done: str


def _times(table: str, column: str, condition: str = "true") -> str:
    """Newest times of a column, by an index on it."""
    return f"""SELECT {column} AS at FROM {table} WHERE {column} > :hour AND {condition}
        ORDER BY {column} DESC LIMIT :most"""  # noqa: S608  ours


_INBOUND = """SELECT coalesce(not_before, received_at) AS since, 'mail_' || id AS id, app_id, conversation_id, user_id,
    coalesce(reason, CASE WHEN attempts > 0 THEN 'attempts: ' || attempts END) AS note
    FROM inbound_mails WHERE outcome = $Outcome.RECEIVED"""
_DELIVERY = """SELECT not_before AS since, CAST(id AS text) AS id, app_id, conversation_id, user_id,
    stage || coalesce(': ' || reply, '') AS note FROM deliveries"""
_STAGES = ", ".join(f"('{stage}')" for stage in Stage)
_NO_TIMES = "SELECT CAST(NULL AS timestamptz) AS at"

ROWS = {
    QueueName.CHANGES: QueueRows(
        """SELECT coalesce(not_before, requested_at) AS since, 'chg_' || id AS id, app_id, conversation_id, user_id,
            CASE WHEN attempts > 0 THEN 'attempts: ' || attempts END AS note
        FROM changes WHERE status = $ChangeStatus.PENDING""",
        _times("changes", "requested_at"),
        _times("changes", "applied_at"),
    ),
    QueueName.INBOUND: QueueRows(
        # One part for each partial index of the queue.
        f"""({_INBOUND} AND participation_id IS NOT NULL AND reason IS NULL LIMIT :most)
        UNION ALL ({_INBOUND} AND participation_id IS NULL LIMIT :most)
        UNION ALL ({_INBOUND} AND participation_id IS NOT NULL AND reason IS NOT NULL LIMIT :most)""",
        "SELECT received_at AS at FROM inbound_mails ORDER BY id DESC LIMIT :most",
        _times("inbound_mails", "processed_at"),
    ),
    QueueName.WINDOWS: QueueRows(
        """SELECT window_due_at AS since, id, app_id, id AS conversation_id, CAST(NULL AS text) AS user_id,
            CAST(NULL AS text) AS note
        FROM conversations WHERE window_due_at IS NOT NULL ORDER BY window_due_at LIMIT :most""",
        _NO_TIMES,
        _NO_TIMES,
    ),
    QueueName.NOTIFICATIONS: QueueRows(
        """SELECT not_before AS since, 'ntf_' || id AS id, app_id, conversation_id, user_id,
            CAST(NULL AS text) AS note
        FROM notifications WHERE status = $NotificationStatus.OPEN ORDER BY not_before LIMIT :most""",
        _times("notifications", "created_at"),
        _times("notifications", "ended_at", "status <> $NotificationStatus.OPEN"),
    ),
    QueueName.DELIVERIES: QueueRows(
        f"""({_DELIVERY} WHERE stage IN ($Stage.QUEUED, $Stage.DEFERRED, $Stage.UNKNOWN)
            ORDER BY not_before LIMIT :most)
        UNION ALL ({_DELIVERY} WHERE stage IN ($Stage.CLAIMED, $Stage.SENDING) LIMIT :most)""",
        f"""SELECT d.created_at AS at FROM apps a CROSS JOIN (VALUES {_STAGES}) AS s (stage) CROSS JOIN LATERAL (
            SELECT created_at FROM deliveries WHERE app_id = a.id AND stage = s.stage AND created_at > :hour
            ORDER BY created_at DESC LIMIT :most) AS d
        ORDER BY d.created_at DESC LIMIT :most""",  # noqa: S608  ours
        _times("deliveries", "ended_at"),
    ),
    QueueName.WEBHOOKS: QueueRows(
        """(SELECT created_at AS since, 'evt_' || id AS id, app_id, conversation_id, CAST(NULL AS text) AS user_id,
            type AS note
        FROM events WHERE told_at IS NULL ORDER BY id LIMIT :most)
        UNION ALL (SELECT
            CASE w.status WHEN $EndpointStatus.ACTIVE
                THEN greatest(d.created_at, q.not_before, w.rests_until) END, 'evt_' || d.event_id, d.app_id, NULL,
            NULL, w.id || coalesce(': ' || d.reply, '')
        FROM webhook_deliveries d
        JOIN webhook_lanes q ON q.app_id = d.app_id AND q.webhook_id = d.webhook_id AND q.lane = d.lane
        JOIN webhooks w ON w.app_id = d.app_id AND w.id = d.webhook_id
        WHERE d.stage = $Stage.QUEUED LIMIT :most)""",
        _times("webhook_deliveries", "created_at"),
        _times("webhook_deliveries", "ended_at"),
    ),
}
