"""`mailtalk app style`: the look of an app's mails, set from a file or value by value."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli import connect
from mailtalk.conversations import apps

HELP = """Show or change the look of an app's mails; docs/mails.md lists what can be set.

\b
  mailtalk app style my-app                                 the current style, as TOML
  mailtalk app style my-app --file style.toml               replace all of it
  mailtalk app style my-app --set colour=#0a7d5a --set privacy=true
  mailtalk app style my-app --template html=mail.html       one template, from a file
  mailtalk app style my-app --unset logo --unset templates.html

Mistakes are refused, in a template with their line, and nothing is changed. Look first: mailtalk mail preview.
"""
WORDS = {"true": True, "false": False}
Pairs = Sequence[tuple[str, str]]


def _pairs(_ctx: click.Context, _param: click.Parameter, texts: Sequence[str]) -> Pairs:
    """Split KEY=VALUE."""
    if wrong := [text for text in texts if "=" not in text]:
        raise click.BadParameter(f"{wrong[0]!r} is not KEY=VALUE")
    return [(key, value) for key, _, value in (text.partition("=") for text in texts)]


@click.command(help=HELP)
@click.argument("app_id", metavar="ID")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.toml", help="The whole style."
)
@click.option("--set", "values", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="As texts.de.reply=…")
@click.option(
    "--template",
    "templates",
    multiple=True,
    callback=_pairs,
    metavar="NAME=FILE",
    help="html, text, subject or sender.",
)
@click.option("--unset", multiple=True, metavar="KEY", help="Remove a value; the default applies again.")
def style(app_id: str, file: Path | None, values: Pairs, templates: Pairs, unset: Sequence[str]) -> None:
    """Show or change the look of an app's mails."""
    with connect.transaction() as session:
        raw = read(file) if file else apps.style(session, app_id)
        _change(raw, values, templates, unset)
        if file or values or templates or unset:
            apps.put_style(session, app_id, raw)
    click.echo("\n".join(_toml(raw)) or "No style set: default look.")


def _change(raw: dict[str, Any], values: Pairs, templates: Pairs, unset: Sequence[str]) -> None:
    for key in unset:
        _remove(raw, key)
    for key, value in values:
        _put(raw, key, WORDS.get(value, value))
    for name, path in templates:
        _put(raw, f"templates.{name}", _content(Path(path)))


def read(file: Path) -> dict[str, Any]:
    """Read a style from a TOML file."""
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
        raise click.ClickException(f"{file}: not UTF-8 text") from None


def _put(raw: dict[str, Any], key: str, value: object) -> None:
    *tables, last = key.split(".")
    for table in tables:
        raw = raw.setdefault(table, {})
        if not isinstance(raw, dict):
            raise click.UsageError(f"{key!r}: {table!r} is not a table")
    raw[last] = value


def _remove(raw: dict[str, Any], key: str) -> None:
    *tables, last = key.split(".")
    for table in tables:
        raw = raw.get(table, {})
    if raw.pop(last, None) is None:
        raise click.UsageError(f"{key!r} is not set")


def _toml(raw: dict[str, Any], *within: str) -> list[str]:
    """Format a style as --file reads it."""
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
