"""Invitations and responses by mail (iMIP, RFC 6047): one line that summarizes a calendar part."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from mailtalk.mail.parsing.headers import clean

TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar"})
FILE_NAME = "invite.ics"
_LARGEST = 300_000  # bytes that are parsed
_WIDTH = 200  # characters of a title or a location
_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)  # raised for invalid values
_METHODS = {
    "REQUEST": "Invitation",
    "PUBLISH": "Invitation",
    "ADD": "Invitation",
    "CANCEL": "Cancelled",
    "COUNTER": "New time proposed",
    "DECLINECOUNTER": "New time declined",
}
_ANSWERS = {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative", "DELEGATED": "Delegated"}


class Invitation(NamedTuple):
    """Calendar part: its line, and whether a calendar program wrote the mail's own text."""

    line: str
    by_program: bool


def read(content: bytes) -> Invitation | None:
    """Invitation or response in a calendar part; None without a METHOD, or if it cannot be parsed."""
    if len(content) > _LARGEST or b"METHOD" not in content.upper():
        return None
    from icalendar import Calendar  # noqa: PLC0415  few mails need it

    with suppress(*_BROKEN):
        calendar = Calendar.from_ical(content.decode("utf-8", "replace"))
        event = next(iter(calendar.walk("VEVENT")), None)
        if event is not None and calendar.get("METHOD"):
            by_google = "google" in str(calendar.get("PRODID")).lower()
            return Invitation(_line(str(calendar["METHOD"]).upper(), event), by_google)
    return None


def _line(method: str, event: Any) -> str:
    """Line such as "Invitation: Lunch, Thu 3 Dec 12:00-13:00 CET, Café"."""
    when = ""
    with suppress(*_BROKEN):
        when = _when(event)
    about = (_text(event.get("SUMMARY")), when, _text(event.get("LOCATION")))
    return f"{_label(method, event)}: {', '.join(filter(None, about))}".removesuffix(": ")


def _label(method: str, event: Any) -> str:
    if method == "REPLY":
        return next(filter(None, map(_answer, _listed(event.get("ATTENDEE")))), "Answer to an invitation")
    changed = method == "REQUEST" and str(event.get("SEQUENCE", 0)) not in {"0", ""}
    return "Updated invitation" if changed else _METHODS.get(method, "Invitation")


def _answer(attendee: Any) -> str | None:
    return _ANSWERS.get(str(attendee.params.get("PARTSTAT", "")).upper())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    return clean(str(value or ""))[:_WIDTH]


def _when(event: Any) -> str:
    start = getattr(event.get("DTSTART"), "dt", None)
    if start is None:
        return ""
    end = getattr(event.get("DTEND"), "dt", None)
    length = getattr(event.get("DURATION"), "dt", None)
    end = start + length if end is None and isinstance(length, timedelta) else end
    stamp = getattr(event.get("DTSTAMP"), "dt", None)
    span = _hours(start, end, stamp) if isinstance(start, datetime) else _days(start, end, stamp)
    return f"{span}, repeating" if event.get("RRULE") else span


def _days(start: date, end: date | None, stamp: date | None) -> str:
    """Whole days; the end is exclusive (RFC 5545 3.6.1)."""
    last = end - timedelta(days=1) if end is not None else start
    return _day(start, stamp) if last <= start else f"{_day(start, stamp)} \u2013 {_day(last, stamp)}"


def _hours(start: datetime, end: datetime | None, stamp: date | None) -> str:
    zone = f" {start.tzname()}" if start.tzname() else ""
    first = f"{_day(start, stamp)} {start:%H:%M}"
    if not isinstance(end, datetime) or end == start:
        return first + zone
    end = end.astimezone(start.tzinfo) if start.tzinfo and end.tzinfo else end
    until = f"\u2013{end:%H:%M}" if end.date() == start.date() else f" \u2013 {_day(end, stamp)} {end:%H:%M}"
    return first + until + zone


def _day(day: date, stamp: date | None) -> str:
    """Date, with the year unless the part was made in the same one."""
    year = "" if stamp is not None and stamp.year == day.year else f" {day.year}"
    return f"{day:%a} {day.day} {day:%b}{year}"
