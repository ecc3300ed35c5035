"""Hourly cap: a user who was mailed often within an hour gets the next mail later, with all that came meanwhile."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.notifications.due import DueNotification

HOUR = timedelta(hours=1)

_MADE = text("""
    SELECT key.app_id, key.user_id, count(*) AS made, min(n.ended_at) AS first
    FROM (SELECT DISTINCT * FROM unnest(CAST(:apps AS text[]), CAST(:users AS text[])) AS k (app_id, user_id)) AS key
    JOIN notifications n USING (app_id, user_id)
    WHERE n.status = 'made' AND n.ended_at > :since GROUP BY key.app_id, key.user_id""")
_HOLD_BACK = text("""
    UPDATE notifications n SET not_before = h.until
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS bigint[]), CAST(:untils AS timestamptz[])) AS h (app_id, id, until)
    WHERE n.app_id = h.app_id AND n.id = h.id""")


def within(session: Session, due: Sequence[DueNotification], most: int, now: datetime) -> Sequence[DueNotification]:
    """Notifications within the cap; the others stay open until an hour after the user's first mail that counts."""
    if not due or not most:
        return due
    made, first = _made(session, due, now)
    allowed: list[DueNotification] = []
    late: list[DueNotification] = []
    for notification in due:
        user = _user(notification)
        (allowed if made[user] < most else late).append(notification)
        made[user] += 1
    _hold_back(session, late, [first.get(_user(each), now) + HOUR for each in late])
    return allowed


def _made(
    session: Session, due: Sequence[DueNotification], now: datetime
) -> tuple[Counter[tuple[str, str]], dict[tuple[str, str], datetime]]:
    """Number of each user's mails within the last hour, and the time of the first."""
    apps, users = zip(*map(_user, due), strict=True)
    rows = session.execute(_MADE, {"apps": list(apps), "users": list(users), "since": now - HOUR}).all()
    made = Counter({(row.app_id, row.user_id): row.made for row in rows})
    return made, {(row.app_id, row.user_id): row.first for row in rows}


def _hold_back(session: Session, late: Sequence[DueNotification], untils: Sequence[datetime]) -> None:
    if late:
        apps, ids = [each.recipient.app_id for each in late], [each.id for each in late]
        session.execute(_HOLD_BACK, {"apps": apps, "ids": ids, "untils": list(untils)})


def _user(notification: DueNotification) -> tuple[str, str]:
    return notification.recipient.app_id, notification.recipient.user_id
