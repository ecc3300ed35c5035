"""The time, in one place: domain functions take it as a parameter, ways in ask here."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC, in whole milliseconds as the wire has it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def millis(moment: datetime) -> int:
    """A moment as the wire says it: milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 has it, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
