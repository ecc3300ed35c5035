"""JSON in and out: bodies checked against their shape, errors that name the field, values as TalkJS writes them."""

import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Literal, TypeVar
from unicodedata import category
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from mailtalk import clock
from mailtalk.errors import Invalid
from mailtalk.ids import PublicId
from mailtalk.participation.rules import Unset
from mailtalk.vocabulary import Access, Frequency, Notify

Json = dict[str, Any]
Shape = TypeVar("Shape")
ID_LENGTH = 255
CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})  # surrogates have no UTF-8; the others break lines
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")

WireMute = Annotated[datetime, Meta(tz=True)] | None
WireNotify = bool | Literal["MentionsOnly"]
_NOTIFY = {True: Notify.ALL, False: Notify.OFF, "MentionsOnly": Notify.MENTIONS_ONLY}
_WIRE_NOTIFY: dict[str, WireNotify] = {Notify.ALL: True, Notify.OFF: False, Notify.MENTIONS_ONLY: "MentionsOnly"}


def reply(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


def decode(raw: bytes, shape: type[Shape]) -> Shape:
    """A request body as its shape; an empty one is {}. Invalid names the field that is wrong."""
    try:
        content = msgspec.json.decode(raw.strip() or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise Invalid(_reasons(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid({"body": ["is not JSON"]}) from None
    if b"\\u0000" in raw:
        _refuse_nul(content)
    return content


def within(name: str, error: Invalid) -> Invalid:
    """The error of a part, as the whole names its fields."""
    reasons = error.reasons if isinstance(error.reasons, Mapping) else {}
    return Invalid({f"{name}.{field}": texts for field, texts in reasons.items()})


def path_value(name: str, quoted: str) -> str:
    """An id from the path; any character but control ones may stand in it, percent-encoded."""
    try:
        value = unquote_to_bytes(quoted.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise Invalid({name: ["is not UTF-8"]}) from None
    return checked_id(name, value)


def checked_id(name: str, value: str) -> str:
    """An id as it may be: 1 to 255 characters, none of them a control character."""
    if not 0 < len(value) <= ID_LENGTH or any(category(c) in CONTROL for c in value):
        raise Invalid({name: [f"must be 1 to {ID_LENGTH} characters, none of them a control character"]})
    return value


def cursor(kind: PublicId, text: str | None) -> int | None:
    """The number of the id that `startingAfter` names; Invalid for any other text."""
    number = None if text is None else kind.read(text)
    if text is not None and number is None:
        raise Invalid({"startingAfter": [f"is not the id of a {kind.noun}"]})
    return number


def notify_in(value: WireNotify | UnsetType) -> Notify | None:
    """TalkJS's true, false and "MentionsOnly" as ours; None when it was not given."""
    return None if value is UNSET else _NOTIFY[value]


def notify_out(value: str) -> WireNotify:
    """Our notify as TalkJS writes it."""
    return _WIRE_NOTIFY[value]


def access_in(value: str | UnsetType) -> Access | None:
    """The access asked for; None when it was not given."""
    return None if value is UNSET else Access(value)


def frequency_in(value: str | UnsetType) -> Frequency | None:
    """How often the participant is to be mailed; None when it was not given."""
    return None if value is UNSET else Frequency(value)


def mute_in(value: WireMute | UnsetType) -> datetime | Unset | None:
    """Until when the user wants no mails; None for no such time."""
    if value is UNSET:
        return Unset.UNSET
    if value is not None and not MINYEAR < value.year < MAXYEAR:  # at the edge another zone has no such time
        raise Invalid({"muteUntil": [f"must be in the years {MINYEAR + 1} to {MAXYEAR - 1}"]})
    return value and value.astimezone(UTC)


def mute_out(value: datetime | None, now: datetime) -> str | None:
    """Until when no mails are sent, in UTC; nothing once that time has passed."""
    return clock.iso(value) if value is not None and value > now else None


def given(shape: msgspec.Struct, names: Mapping[str, str]) -> Json:
    """Those of the fields that were given, null ones too, under the columns' names."""
    values = {column: getattr(shape, field) for field, column in names.items()}
    return {column: value for column, value in values.items() if value is not UNSET}


def _refuse_nul(content: object) -> None:
    # PostgreSQL's text cannot hold U+0000; without this one it would be our error, not the request's.
    try:
        field = _nul_in(msgspec.to_builtins(content, builtin_types=(msgspec.Raw, datetime)), "")
    except RecursionError:
        raise Invalid({"body": ["is nested too deep"]}) from None
    if field is not None:
        raise Invalid({field or "body": ["has a NUL character (U+0000), which cannot be kept"]})


def _nul_in(content: object, path: str) -> str | None:
    if isinstance(content, str):
        return path if "\x00" in content else None
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        found = path if "\x00" in str(key) else _nul_in(value, f"{path}.{key}".lstrip("."))
        if found is not None:
            return found
    return None


def _reasons(message: str) -> dict[str, list[str]]:
    match = _AT.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    missing = _MISSING.match(what)
    field = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", path).strip(".")
    if missing:
        return {f"{field}.{missing['field']}".strip("."): ["is required"]}
    return {field or "body": [what]}
