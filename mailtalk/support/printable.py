"""Text and times as operators read them: safe on a terminal and in a log."""

import re
from datetime import UTC, datetime

# An inbound address in any text: 30 base32 characters before the @.
_SECRET = re.compile(r"(?<![a-z2-7])[a-z2-7]{30}(?=@)", re.IGNORECASE)


def plain(text: str) -> str:
    """Escape control characters and mask secret addresses: one line that is safe on a terminal."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
    return _SECRET.sub("(secret)", text)


def moment(value: datetime) -> str:
    """Format a moment as ISO 8601 in UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
