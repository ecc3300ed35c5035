"""Invitations and responses by mail (iMIP, RFC 6047): what a calendar part says."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from mailtalk.mail.parsing.headers import clean

TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar"})
FILE_NAME = "invite.ics"
_LARGEST = 300_000  # bytes that are parsed
_WIDTH = 200  # characters of a title or a location
BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)  # raised for invalid values
_METHODS = {"CANCEL": "cancelled", "COUNTER": "counter", "DECLINECOUNTER": "declined_counter"}
_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative", "DELEGATED": "delegated"}


class Invitation(NamedTuple):
    """Calendar part: `kind` is a key of the reader's texts; whole days end exclusively (RFC 5545 3.6.1).

    `stamp` is when the part was made, and `by_program`: a calendar program wrote the mail's own text.
    """

    kind: str
    title: str = ""
    location: str = ""
    start: date | datetime | None = None
    end: date | datetime | None = None
    stamp: date | None = None
    repeats: bool = False
    by_program: bool = False


def read(content: bytes) -> Invitation | None:
    """Invitation or response in a calendar part; None without a METHOD, or if it cannot be parsed."""
    if len(content) > _LARGEST or b"METHOD" not in content.upper():
        return None
    from icalendar import Calendar  # noqa: PLC0415  few mails need it

    with suppress(*BROKEN):
        calendar = Calendar.from_ical(content.decode("utf-8", "replace"))
        event = next(iter(calendar.walk("VEVENT")), None)
        if event is not None and calendar.get("METHOD"):
            by_google = "google" in str(calendar.get("PRODID")).lower()
            return _invitation(str(calendar["METHOD"]).upper(), event)._replace(by_program=by_google)
    return None


def _invitation(method: str, event: Any) -> Invitation:
    invitation = Invitation(_kind(method, event), _text(event.get("SUMMARY")), _text(event.get("LOCATION")))
    with suppress(*BROKEN):
        start, end = _time(event, "DTSTART"), _time(event, "DTEND")
        length = getattr(event.get("DURATION"), "dt", None)
        end = start + length if start and end is None and isinstance(length, timedelta) else end
        stamp = _time(event, "DTSTAMP")
        return invitation._replace(start=start, end=end, stamp=stamp, repeats=bool(event.get("RRULE")))
    return invitation


def _kind(method: str, event: Any) -> str:
    if method == "REPLY":
        return next(filter(None, map(_answer, _listed(event.get("ATTENDEE")))), "answer")
    changed = method == "REQUEST" and str(event.get("SEQUENCE", 0)) not in {"0", ""}
    return "updated" if changed else _METHODS.get(method, "invitation")


def _answer(attendee: Any) -> str | None:
    return _ANSWERS.get(str(attendee.params.get("PARTSTAT", "")).upper())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str:
    return clean(str(value or ""))[:_WIDTH]


def _time(event: Any, name: str) -> date | datetime | None:
    moment = getattr(event.get(name), "dt", None)
    return moment if isinstance(moment, date) else None
