"""What commands print: tables and JSON; whatever others wrote is shown, not obeyed by the terminal."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

WIDEST = 60  # characters of a column
# What looks like an inbound address, wherever somebody wrote it: 30 base32 characters before the @.
_SECRET = re.compile(r"(?<![a-z2-7])[a-z2-7]{30}(?=@)", re.IGNORECASE)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below their header, columns as wide as they need to be."""
    shown = [[cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *shown]) for i in range(len(header))]
    for row in [[name.upper() for name in header], *shown]:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def records(columns: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows of JSON as a table: its header, and the key that each column shows."""
    table(list(columns), [[row[key] for key in columns.values()] for row in rows])


def as_json(content: object) -> None:
    """Print JSON; moments are ISO 8601 in UTC."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=moment)
    click.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def as_line(content: object) -> None:
    """Print JSON as one line, for programs that read line by line."""
    click.echo(json.dumps(content, default=moment))


def cell(value: Any) -> str:
    """Give a value as one short line."""
    if value is None:
        return "-"
    text = moment(value) if isinstance(value, datetime) else f"{value:g}" if isinstance(value, float) else str(value)
    text = plain(text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def plain(text: str) -> str:
    """Give what others wrote as one line that a terminal shows as it is, without secret addresses."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
    return _SECRET.sub("(secret)", text)


def first_line(text: str) -> str:
    """Give the first line that says something, without secret addresses."""
    return plain(next((line.strip() for line in text.splitlines() if line.strip()), ""))


def moment(value: datetime) -> str:
    """Give a moment in UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
