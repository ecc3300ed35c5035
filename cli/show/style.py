"""`mailtalk app style`: how an app's mails look, from a file or value by value."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli import connect
from mailtalk.conversations import styles
from mailtalk.settings.load import Settings

WORDS = {"true": True, "false": False}


def alter(  # noqa: PLR0913, PLR0917  all that can be said
    settings: Settings,
    app_id: str,
    file: Path | None,
    given: Sequence[str],
    templates: Sequence[str],
    unset: Sequence[str],
) -> None:
    """Change what is named, and print the style as it is now."""
    with connect.transaction(settings) as session:
        raw = read(file) if file else styles.get(session, app_id)
        for key in unset:
            _take(raw, key)
        for key, value in map(_pair, given):
            _put(raw, key, WORDS.get(value, value))
        for name, path in map(_pair, templates):
            _put(raw, f"templates.{name}", _content(Path(path)))
        if file or given or templates or unset:
            styles.put(session, app_id, raw)
    click.echo("\n".join(_toml(raw)) or "Nothing is set: mails look as ours do.")


def read(file: Path) -> dict[str, Any]:
    """A style from a TOML file."""
    try:
        return tomllib.loads(_content(file))
    except tomllib.TOMLDecodeError as error:
        raise click.ClickException(f"{file}: {error}") from None


def _content(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{file}: is not UTF-8 text") from None


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is no KEY=VALUE")
    return key, value


def _put(raw: dict[str, Any], key: str, value: object) -> None:
    *tables, last = key.split(".")
    for table in tables:
        raw = raw.setdefault(table, {})
        if not isinstance(raw, dict):
            raise click.UsageError(f"{key!r}: {table!r} holds no table")
    raw[last] = value


def _take(raw: dict[str, Any], key: str) -> None:
    *tables, last = key.split(".")
    for table in tables:
        raw = raw.get(table, {})
    if raw.pop(last, None) is None:
        raise click.UsageError(f"{key!r} is not set")


def _toml(raw: dict[str, Any], *within: str) -> list[str]:
    """Print a style so that --file can read it again."""
    plain = [f"{key} = {_value(value)}" for key, value in raw.items() if not isinstance(value, dict)]
    head = [f"\n[{'.'.join(within)}]"] if within and plain else []
    tables = [_toml(value, *within, key) for key, value in raw.items() if isinstance(value, dict)]
    return [*head, *plain, *(line for table in tables for line in table)]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = "".join(c if c.isprintable() or c == "\n" else f"\\U{ord(c):08x}" for c in str(value).replace("\\", "\\\\"))
    quoted = text.replace('"', '\\"')
    return f'"""\n{quoted}"""' if "\n" in text else f'"{quoted}"'
