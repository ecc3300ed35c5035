"""The query of a list of conversations: order, filters and pages."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from api.request import Call
from mailtalk.conversations.visibility import OPERATORS, Listing
from mailtalk.errors import Invalid

ORDERS = ("lastActivity", "createdAt")
LATEST = 253_402_300_799_000  # ms: the end of the year 9999


def of(call: Call) -> Listing:
    """Read the query; Invalid names the parameter that is wrong."""
    query = call.request.query_params
    filters = _filter(query.get("filter"))
    order_by = _choice(call, "orderBy", ORDERS)  # a wrong one is refused also where it has no effect
    last = _bounds(filters.pop("lastMessageTs", None))
    return Listing(
        limit=call.page_limit(),
        order_by=order_by if call.version.orders else "createdAt",
        descending=_choice(call, "orderDirection", ("DESC", "ASC")) == "DESC" or not call.version.orders,
        starting_after=call.query_id("startingAfter"),
        offset=_moment("offsetTs", query.get("offsetTs")),
        before=_moment("lastMessageBefore", query.get("lastMessageBefore", last.get("<"))),
        after=_moment("lastMessageAfter", query.get("lastMessageAfter", last.get(">"))),
        unreads_only=_choice(call, "unreadsOnly", ("false", "true")) == "true",
        custom=[_predicate(name, asked) for name, asked in _custom(filters).items()],
    )


def moment(name: str, millis: float) -> datetime:
    """A wire timestamp, in ms, as a moment; Invalid outside of the years that there are."""
    if not 0 <= millis <= LATEST:
        raise Invalid({name: ["must be a time in milliseconds since 1970"]})
    return datetime.fromtimestamp(millis / 1000, UTC)


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 16):  # noqa: PLR2004  far above LATEST
        raise Invalid({name: ["must be a time in milliseconds since 1970"]})
    return moment(name, int(text))


def _choice(call: Call, name: str, allowed: tuple[str, ...]) -> str:
    value = call.request.query_params.get(name, allowed[0])
    if value not in allowed:
        raise Invalid({name: [f"must be one of {', '.join(allowed)}"]})
    return value


def _filter(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    for attempt in (text, unquote(text)):  # many callers encode it twice
        try:
            return msgspec.json.decode(attempt, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            continue
    raise Invalid({"filter": ['must be a JSON object such as {"custom": {"category": "shoes"}}']})


def _bounds(asked: object) -> dict[str, str]:
    if asked is None:
        return {}
    if not (isinstance(asked, list) and len(asked) == 2 and asked[0] in ("<", ">") and isinstance(asked[1], int)):  # noqa: PLR2004  a pair
        raise Invalid({"filter.lastMessageTs": ['must be ["<" or ">", a time in milliseconds since 1970]']})
    return {asked[0]: str(asked[1])}


def _custom(filters: dict[str, Any]) -> dict[str, Any]:
    custom = filters.pop("custom", {})
    if filters:
        raise Invalid({f"filter.{next(iter(filters))}": ["is not known; custom and lastMessageTs are"]})
    if not isinstance(custom, dict):
        raise Invalid({"filter.custom": ["must be an object"]})
    return custom


def _predicate(name: str, asked: object) -> tuple[str, str, list[str]]:
    """`"value"`, `"exists"`, `"!exists"`, `["==" | "!=", value]` or `["oneOf" | "!oneOf", [values]]`."""
    if asked in ("exists", "!exists"):
        return name, str(asked), []
    pair = asked if isinstance(asked, list) else ["==", asked]
    if len(pair) != 2 or pair[0] not in list(OPERATORS):  # noqa: PLR2004  a pair
        raise _unknown(name)
    values = pair[1] if isinstance(pair[1], list) else [pair[1]]
    if not all(isinstance(value, str) and "\x00" not in value for value in values):
        raise _unknown(name)
    return name, str(pair[0]), [str(value) for value in values]


def _unknown(name: str) -> Invalid:
    return Invalid({f"filter.custom.{name}": ["is no predicate that is known"]})
