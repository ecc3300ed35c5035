"""Shared options, arguments and value types of the commands."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from mailtalk.ids import PublicId

any_app_option = click.option("--app", "app_id", metavar="ID", help="Only of this app.")
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")

after_option = click.option("--after", metavar="ID", help="Continue after this one, the last of the page before.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def only_app(app_id: str | None) -> str:
    """Take the only app if none is given; UsageError if there are several, or none."""
    if app_id is not None:
        return app_id
    from cli import connect  # noqa: PLC0415 - help needs no database
    from mailtalk.conversations import apps  # noqa: PLC0415 - the same

    with connect.transaction() as session:
        ids = [app.id for app in apps.listed(session)]
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise click.UsageError('there is no app yet; create one: mailtalk app create "My app"')
    raise click.UsageError(f"there are {len(ids)} apps; choose one with --app: {', '.join(ids[:10])}")


def _app(ctx: click.Context, _param: click.Parameter, app_id: str | None) -> str | None:
    return app_id if ctx.resilient_parsing else only_app(app_id)


app_option = click.option(
    "--app", "app_id", metavar="ID", callback=_app, help="The app, if there are several; see: mailtalk app list"
)


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
