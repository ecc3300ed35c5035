"""Settings form: its values, and the change of participation they stand for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from mailtalk.models import Participation
from mailtalk.participation.rules import UNSET, Request, Unset
from mailtalk.vocabulary import Actor, ChangeKind, Frequency, Notify

NOTIFY = {"all": Notify.ALL, "mentions": Notify.MENTIONS_ONLY, "off": Notify.OFF}
FREQUENCY = {each.value: each for each in Frequency}
MUTE = {"day": timedelta(days=1), "week": timedelta(days=7)}
UNMUTE = "none"

Value = TypeVar("Value")


def asked(form: Mapping[str, str], row: Participation, now: datetime) -> Request | None:
    """Convert a form to a change; missing and unknown values change nothing. None if nothing changes."""
    request = Request(
        ChangeKind.UPDATE,
        by=Actor.PARTICIPANT,
        notify=_other(NOTIFY.get(form.get("notify", "")), row.notify),
        mute_until=_mute(form.get("mute", ""), row, now),
        frequency=_other(FREQUENCY.get(form.get("frequency", "")), row.frequency),
    )
    return request if request.settings else None


def wants_mail(form: Mapping[str, str]) -> bool:
    """True if a form asks for mails, of all messages or of mentions."""
    return NOTIFY.get(form.get("notify", ""), Notify.OFF) is not Notify.OFF


def muted_until(row: Participation, now: datetime) -> datetime | None:
    """End of the mute; None if the conversation is not muted."""
    return row.mute_until if row.mute_until is not None and row.mute_until > now else None


def _mute(value: str, row: Participation, now: datetime) -> datetime | Unset | None:
    if value in MUTE:
        return now + MUTE[value]
    return None if value == UNMUTE and muted_until(row, now) else UNSET


def _other(value: Value | None, present: str) -> Value | None:
    return None if value == present else value
