"""Frequencies: digests are due at the next full hour, or at eight in the morning of the reader's time zone."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from mailtalk.db import sql

MORNING = 8  # o'clock
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# How often a participation p of an app a is mailed, and when it may be at the earliest, with the parameters of
# `moments`: a digest only moves a mail to a later time.
FREQUENCY = sql.fragment("CASE p.frequency WHEN $Frequency.DEFAULT THEN a.frequency ELSE p.frequency END")
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
    """The parameters of NOT_BEFORE for users in these time zones, or in none."""
    known = list(zones)
    return {
        "now": now,
        "hour": next_hour(now),
        "morning": next_morning(now, None),
        "zones": known,
        "mornings": [next_morning(now, zone) for zone in known],
    }


def next_hour(now: datetime) -> datetime:
    """The next full hour."""
    return now.replace(minute=0, second=0, microsecond=0) + HOUR


def next_morning(now: datetime, zone: str | None) -> datetime:
    """The next eight in the morning of the zone; of UTC if the zone is unknown."""
    local = now.astimezone(_zone(zone))
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
    return (morning if morning > local else morning + DAY).astimezone(UTC)


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):  # no such zone, no such name, and a directory's name
        return UTC
