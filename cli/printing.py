"""Output on stdout as tables or JSON, with control characters escaped and secret addresses masked."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from mailtalk.support.printable import moment as moment  # noqa: PLC0414  commands find it here
from mailtalk.support.printable import plain as plain  # noqa: PLC0414  the same

WIDEST = 60  # maximum characters of a column


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below a header, in columns as wide as their content."""
    shown = [[cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *shown]) for i in range(len(header))]
    for row in [[name.upper() for name in header], *shown]:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def records(columns: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows of JSON as a table; `columns` maps headings to keys."""
    table(list(columns), [[_value(key, row.get(key)) for key in columns.values()] for row in rows])


def listing(columns: Mapping[str, str], rows: Sequence[object], none: str, *, as_json: bool) -> None:
    """Print rows (structs, or mappings) as JSON or as a table, or say that there are none."""
    if as_json:
        print_json(rows)
    elif rows:
        records(columns, plain_values(rows))
    else:
        click.echo(none)


def fields(content: object) -> None:
    """Print each field of a struct or mapping on a line of its own."""
    for name, value in plain_values(content).items():
        click.echo(f"{name:<16}{cell(_value(name, value))}")


def _value(key: str, value: object) -> object:
    """Convert the API's times (milliseconds since 1970), recognised by their keys; return other values as they are."""
    return (
        datetime.fromtimestamp(value / 1000, UTC) if key.endswith(("At", "Since")) and isinstance(value, int) else value
    )


def plain_values(content: object) -> Any:
    """Convert structs, and all that they hold, to the values of JSON and moments, with the names of JSON."""
    return msgspec.to_builtins(content, builtin_types=(datetime,))


def print_json(content: object) -> None:
    """Print JSON, indented; moments are ISO 8601 in UTC."""
    text = json.dumps(plain_values(content), indent=2, ensure_ascii=False, default=moment)
    click.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def print_json_line(content: object) -> None:
    """Print JSON as one line."""
    click.echo(json.dumps(content, default=moment))


def cell(value: Any) -> str:
    """Format a value as one short line."""
    if value is None:
        return "-"
    text = moment(value) if isinstance(value, datetime) else f"{value:g}" if isinstance(value, float) else str(value)
    text = plain(text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def first_line(text: str) -> str:
    """Take the first line that is not blank, safe on a terminal."""
    return plain(next((line.strip() for line in text.splitlines() if line.strip()), ""))
