"""Values of options that are a number, or a word in its place."""

from typing import Any

import click

from mailtalk.ids import MAIL


class Or(click.ParamType[Any]):
    """What another type takes, or this word, which is given as WORD since None means that nothing was said."""

    def __init__(self, other: click.ParamType[Any], word: str) -> None:
        self._other, self._word = other, word
        self.name = f"{other.name}|{word}"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  click's
        """As help shows it."""
        return f"{'N' if self._other.name.startswith('integer') else 'SECONDS'}|{self._word}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the number, or WORD."""
        return WORD if value == self._word else self._other.convert(value, param, ctx)


class MailId(click.ParamType[int]):
    """The id of a mail that came: 12, or mail_12, as the API and webhooks write it."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give the number."""
        number: click.ParamType[Any] = click.IntRange(1)
        return int(number.convert(str(value).removeprefix(MAIL.prefix), param, ctx))


class _Word:
    """The word was said."""


WORD = _Word()


def given(**options: Any) -> dict[str, Any]:
    """Give the options that were said, the word as None."""
    return {name: None if value is WORD else value for name, value in options.items() if value is not None}
