"""Texts of notifications in every language, with plurals, dates and sizes by locale (CLDR)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property, lru_cache, reduce
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_gmt, get_timezone_name
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from mailtalk.mail.composing import catalogues

TEXTS = catalogues.load(Path(__file__).parent / "texts")
"""By language: a text, or for a counted text one for each plural form (CLDR)."""

FIXED = frozenset({"language", "marker"})  # known to reply extraction
DEFAULT = "en"
_HOLE = re.compile(r"\{([^{}]*)\}")
_NO_SPACE = re.compile(r"(?<=\d)(?=[^\W\d])")  # between a number and its unit
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_KILO = 1000


@dataclass(frozen=True, eq=False)
class Language:
    """Language, locale and time zone of a reader.

    Equal ones are one object, so that it can be part of a cache key.
    """

    code: str
    locale: Locale
    zone: tzinfo
    texts: Mapping[str, Any]

    def say(self, key: str, **values: str) -> str:
        """A text with its placeholders filled."""
        return fill(self.texts[key], values)

    def count(self, key: str, number: int, **values: str) -> str:
        """A text in the plural form for a number."""
        forms = self.texts[key]
        form = forms.get(self.locale.plural_form(number), forms["other"])
        return fill(form, {**values, "count": format_decimal(number, locale=self.locale)})

    def listed(self, names: Sequence[str], *, ends: bool = True) -> str:
        """Names as a list; without an end, more follow."""
        middle = self.locale.list_patterns["standard"]["middle"]
        return format_list(names, locale=self.locale) if ends else reduce(middle.format, names)

    def moment(self, at: datetime) -> str:
        """Date, time, and the name of the time zone."""
        local = at.astimezone(self.zone)
        clock = f"{format_time(local, 'short', locale=self.locale)} {self._zone_name(local)}"
        both = self._both.format(clock, format_date(local, "long", locale=self.locale))
        return both.replace("\u202f", " ")  # a kind of space that some fonts of old programs lack

    def time(self, at: datetime) -> str:
        """Time of day."""
        return format_time(at.astimezone(self.zone), "short", locale=self.locale).replace("\u202f", " ")

    def day(self, at: datetime) -> str:
        """Date, and the name of the time zone."""
        local = at.astimezone(self.zone)
        return f"{format_date(local, 'long', locale=self.locale)} ({self._zone_name(local)})"

    def size(self, number: int) -> str:
        """A file size in the unit that gives a short number."""
        for unit in ("byte", "kilobyte", "megabyte"):
            if number < _KILO or unit == "megabyte":
                break
            number = number / _KILO  # type: ignore[assignment]  # kB and MB are rounded below
        digits = "#,##0" if number >= 10 or unit == "byte" else "#,##0.#"  # noqa: PLR2004  two digits say enough
        length: Literal["narrow", "short"] = "narrow" if unit == "byte" else "short"  # "10 B", not "10 byte"
        text = format_unit(number, f"digital-{unit}", length, format=digits, locale=self.locale)
        return _NO_SPACE.sub(" ", text)

    @cached_property
    def _both(self) -> str:
        # The pattern's quotes enclose words; ours has none.
        return str(self.locale.datetime_formats["medium"]).replace("'", "")

    def _zone_name(self, local: datetime) -> str:
        """The zone's short name in this language, else in its own country, else its offset from GMT."""
        names = (get_timezone_name(local, width="short", locale=self.locale), local.tzname() or "")
        return next((name for name in names if name.isalpha()), get_timezone_gmt(local, "long", locale=self.locale))


@lru_cache(maxsize=1024)
def language(locale: str | None, time_zone: str | None) -> Language:
    """The language for a locale such as de, en-GB or pt_BR; English if it is not supported."""
    found = _locale(locale or DEFAULT)
    return Language(found.language, found, _zone(time_zone), TEXTS[found.language])


def fill(text: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders of a text: `{name}`."""
    return _HOLE.sub(lambda hole: values[hole[1]], text)


def holes(text: str) -> set[str]:
    """The placeholder names of a text."""
    return set(_HOLE.findall(text))


def forms(text: Any) -> Mapping[str, str]:
    """A text by plural form; an uncounted text has the form "other" only."""
    return text if isinstance(text, Mapping) else {"other": text}


def _locale(tag: str) -> Locale:
    try:
        found = Locale.parse(tag.replace("-", "_")) if _TAG.fullmatch(tag) else None
    except (UnknownLocaleError, ValueError):
        found = None
    if found is not None and found.language in TEXTS:
        return found
    return Locale.parse(_language_of(tag))


def _language_of(tag: str) -> str:
    code = re.split(r"[-_.@]", tag, maxsplit=1)[0].lower()
    return code if code in TEXTS else DEFAULT


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (OSError, ValueError, LookupError):  # it was valid when it was set
        return UTC
