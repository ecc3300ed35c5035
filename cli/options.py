"""Shared options, arguments and value types of the commands."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from mailtalk.ids import PublicId

app_option = click.option("--app", "app_id", required=True, metavar="ID", help="The app; see: mailtalk app list")
any_app_option = click.option("--app", "app_id", metavar="ID", help="Only of this app.")
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class NumberOrWord(click.ParamType[Any]):
    """A number, or a word that unsets it. The word converts to UNSET, since None means that the option is absent."""

    def __init__(self, number: click.ParamType[Any], word: str) -> None:
        self._number, self._word = number, word
        self.name = f"{number.name}|{word}"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  click's
        """Name the values in the help."""
        return f"{'N' if self._number.name.startswith('integer') else 'SECONDS'}|{self._word}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert to the number or UNSET."""
        return UNSET if value == self._word else self._number.convert(value, param, ctx)


class IdType(click.ParamType[int]):
    """A public id, such as evt_12; `bare` allows 12 too."""

    name = "id"

    def __init__(self, form: PublicId, *, bare: bool = False) -> None:
        self._form, self._bare = form, bare

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert to the number."""
        text = self._form.show(value) if self._bare and value.isdecimal() else value
        return self._form.read(text) or self.fail(f"{value!r} is not {self._form.prefix}N", param, ctx)


class Moment(click.ParamType[datetime]):
    """A time: ISO 8601 (UTC unless it names an offset), or a time ago: 90s, 15m, 2h, 3d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Convert to a time with a time zone."""
        ago = _AGO.fullmatch(value)
        if ago is not None:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time; write 2026-01-31T12:00:00Z, or a time ago: 15m, 2h, 3d", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Unset:
    """Value of a NumberOrWord given as its word."""


UNSET = _Unset()


def given(**options: Any) -> dict[str, Any]:
    """Keep the options given; UNSET becomes None."""
    return {name: None if value is UNSET else value for name, value in options.items() if value is not None}
