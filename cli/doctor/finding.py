"""Finding: the result of one check, with advice if something is wrong."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """OK; WARNING: it works, and could be better; ERROR: something does not work."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct):
    """Result of one check: what was found, and what to do."""

    check: str
    level: Level
    text: str
    advice: str | None = None


def ok(check: str, text: str) -> Finding:
    """A check that found nothing wrong."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, advice: str) -> Finding:
    """Something that could be better."""
    return Finding(check, Level.WARNING, text, advice)


def error(check: str, text: str, advice: str) -> Finding:
    """Something that does not work."""
    return Finding(check, Level.ERROR, text, advice)
