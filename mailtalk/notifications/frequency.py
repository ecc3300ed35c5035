"""Frequencies: a digest is due at the next full hour, or at 8 a.m. in the reader's time zone."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from mailtalk.db import sql

MORNING = 8  # o'clock
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# Frequency of a participation p of an app a, and the earliest time of its mail, with the parameters of `moments`: a
# digest only delays a mail.
FREQUENCY = sql.fragment("CASE p.frequency WHEN $Frequency.DEFAULT THEN a.frequency ELSE p.frequency END")
IS_DIGEST = sql.fragment("($frequency) IN ($Frequency.HOURLY, $Frequency.DAILY)", frequency=FREQUENCY)
NOT_BEFORE = sql.fragment(
    """CASE $frequency
    WHEN $Frequency.HOURLY THEN CAST(:hour AS timestamptz)
    WHEN $Frequency.DAILY THEN (SELECT coalesce(
            (SELECT m.at FROM unnest(CAST(:zones AS text[]), CAST(:mornings AS timestamptz[])) AS m (zone, at)
                WHERE m.zone = u.time_zone), :morning)
        FROM users u WHERE u.app_id = p.app_id AND u.id = p.user_id)
    ELSE :now END""",
    frequency=FREQUENCY,
)


def moments(now: datetime, zones: Iterable[str]) -> dict[str, Any]:
    """Parameters of NOT_BEFORE for users with and without these time zones."""
    known = list(zones)
    return {
        "now": now,
        "hour": next_hour(now),
        "morning": next_morning(now, None),
        "zones": known,
        "mornings": [next_morning(now, zone) for zone in known],
    }


def next_hour(now: datetime) -> datetime:
    """Next full hour."""
    return now.replace(minute=0, second=0, microsecond=0) + HOUR


def next_morning(now: datetime, zone: str | None) -> datetime:
    """Next 8 a.m. in the time zone; in UTC if the zone is unknown."""
    local = now.astimezone(_zone(zone))
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
    return (morning if morning > local else morning + DAY).astimezone(UTC)


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):  # unknown zone, malformed name, or the name of a directory
        return UTC
