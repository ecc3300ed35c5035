"""Words that reading adds to a message, in the language of its author: invitations, and notes on withheld files."""

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

from mailtalk.mail.parsing.calendars import BROKEN, Invitation

_FOLDER = Path(__file__).parent / "texts"
TEXTS: Mapping[str, Mapping[str, str]] = {
    path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(_FOLDER.glob("*.toml"))
}
"""By language: the words of `calendars.Invitation.kind`, and of the note."""

_DEFAULT = "en"


def language(locale: str | None) -> str:
    """Language of a locale such as de, en-GB or pt_BR; English if it has no texts."""
    code = (locale or "").replace("_", "-").partition("-")[0].lower()
    return code if code in TEXTS else _DEFAULT


def invitation(invitation: Invitation, language: str) -> str:
    """Line such as "Invitation: Lunch, Thu 3 Dec 12:00-13:00 CET, Café"."""
    when = ""
    with suppress(*BROKEN):
        when = _when(invitation, language)
    about = ", ".join(filter(None, (invitation.title, when, invitation.location)))
    return f"{TEXTS[language][invitation.kind]}: {about}".removesuffix(": ")


def withheld(names: Sequence[str], language: str) -> str:
    """Note on files that are not shown; empty without any."""
    return f"[{TEXTS[language]['withheld'].format(names=', '.join(names))}]" if names else ""


def _when(invitation: Invitation, language: str) -> str:
    start, end = invitation.start, invitation.end
    if start is None:
        return ""
    if isinstance(start, datetime):
        span = _hours(start, end, invitation.stamp, language)
    else:
        span = _days(start, end, invitation.stamp, language)
    return f"{span}, {TEXTS[language]['repeating']}" if invitation.repeats else span


def _days(start: date, end: date | None, stamp: date | None, language: str) -> str:
    """Whole days; the end is exclusive (RFC 5545 3.6.1)."""
    first, last = _day(start, stamp, language), end - timedelta(days=1) if end is not None else start
    return first if last <= start else f"{first} \u2013 {_day(last, stamp, language)}"


def _hours(start: datetime, end: date | None, stamp: date | None, language: str) -> str:
    zone = f" {start.tzname()}" if start.tzname() else ""
    first = f"{_day(start, stamp, language)} {start:%H:%M}"
    if not isinstance(end, datetime) or end == start:
        return first + zone
    end = end.astimezone(start.tzinfo) if start.tzinfo and end.tzinfo else end
    is_same_day = end.date() == start.date()
    until = f"\u2013{end:%H:%M}" if is_same_day else f" \u2013 {_day(end, stamp, language)} {end:%H:%M}"
    return first + until + zone


def _day(day: date, stamp: date | None, language: str) -> str:
    """Date, with the year unless the part was made in the same one."""
    has_year = stamp is None or stamp.year != day.year
    if language == _DEFAULT:  # read in many countries: day before month
        return f"{day:%a} {day.day} {day:%b}" + (f" {day.year}" if has_year else "")
    from babel.dates import format_skeleton  # noqa: PLC0415  few mails need it

    return format_skeleton("yMMMEd" if has_year else "MMMEd", day, locale=language)
