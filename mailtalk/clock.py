"""The clock: entry points read it here, domain functions take the time as a parameter."""

from datetime import UTC, datetime


def now() -> datetime:
    """Current time in UTC, in whole milliseconds as on the wire."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def millis(moment: datetime) -> int:
    """Time in wire form: milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    """Time in ISO 8601, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
