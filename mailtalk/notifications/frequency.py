"""Digests: whoever chose one is mailed at the next full hour, or at eight in the morning where they live."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

MORNING = 8  # o'clock
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# How often a participation p of an app a is mailed, and when it may be, of the values that `moments` gives: a digest
# only moves a mail later.
FREQUENCY = "CASE p.frequency WHEN 'default' THEN a.frequency ELSE p.frequency END"
NOT_BEFORE = f"""CASE {FREQUENCY}
    WHEN 'hourly' THEN CAST(:hour AS timestamptz)
    WHEN 'daily' THEN (SELECT coalesce(
            (SELECT m.at FROM unnest(CAST(:zones AS text[]), CAST(:mornings AS timestamptz[])) AS m (zone, at)
                WHERE m.zone = u.time_zone), :morning)
        FROM users u WHERE u.app_id = p.app_id AND u.id = p.user_id)
    ELSE :now END"""  # noqa: S608  ours


def moments(now: datetime, zones: Iterable[str]) -> dict[str, Any]:
    """The values for NOT_BEFORE, where the users live in these time zones or in none."""
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
    """The next time that it is eight in the morning there; in UTC where the zone is not known."""
    local = now.astimezone(_zone(zone))
    morning = local.replace(hour=MORNING, minute=0, second=0, microsecond=0, fold=0)
    return (morning if morning > local else morning + DAY).astimezone(UTC)


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):  # no such zone, no such name, and a directory's name
        return UTC
