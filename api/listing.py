"""Query of a list of conversations: order, filters and pages."""

from typing import Annotated, Any, Literal
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api import wire
from api.schemas.types import PageQuery, Timestamp, moment
from api.versions import Version
from mailtalk.conversations.pages import OPERATORS, Listing
from mailtalk.errors import Invalid

FILTER = (
    'By custom values and last message, as JSON: `{"custom": {"category": ["oneOf", ["shoes", "boots"]]}}`. A custom '
    'value is `"value"`, `"exists"`, `"!exists"`, `["==" or "!=", value]` or `["oneOf" or "!oneOf", [values]]`; '
    '`{"lastMessageTs": ["<" or ">", milliseconds]}`.'
)


class ConversationQuery(PageQuery, rename="camel", kw_only=True):
    """Query of the app's conversations."""

    order_by: Annotated[
        Literal["lastActivity", "createdAt"], Meta(description="From version 2021-02-09; before: `createdAt`.")
    ] = "lastActivity"
    order_direction: Annotated[
        Literal["DESC", "ASC"], Meta(description="Newest or oldest first, from version 2021-02-09.")
    ] = "DESC"
    offset_ts: (
        Annotated[
            Timestamp, Meta(description="Only those after this time in the order, in ms, from version 2021-02-09.")
        ]
        | UnsetType
    ) = UNSET
    last_message_before: (
        Annotated[Timestamp, Meta(description="Only those with an older last message.")] | UnsetType
    ) = UNSET
    last_message_after: Annotated[Timestamp, Meta(description="Only those with a newer last message.")] | UnsetType = (
        UNSET
    )
    filter: Annotated[str, Meta(description=FILTER, extra_json_schema={"contentMediaType": "application/json"})] | (
        UnsetType
    ) = UNSET


class UserConversationQuery(ConversationQuery, rename="camel", kw_only=True):
    """Query of a user's conversations."""

    unreads_only: Annotated[bool, Meta(description="Only those with unread messages.")] = False


class Filter(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Parameter `filter`, decoded."""

    custom: dict[str, Any] = msgspec.field(default_factory=dict)
    last_message_ts: tuple[Literal["<", ">"], Timestamp] | None = None

    def bound(self, sign: str) -> int | UnsetType:
        """Time of `lastMessageTs` if its operator is `sign`, else UNSET."""
        return self.last_message_ts[1] if self.last_message_ts and self.last_message_ts[0] == sign else UNSET


def read(query: ConversationQuery, version: Version) -> Listing:
    """Convert a query to the domain's Listing, by the rules of a version. Invalid names a wrong filter."""
    filters = _filter(query.filter or None)
    before = filters.bound("<") if query.last_message_before is UNSET else query.last_message_before
    after = filters.bound(">") if query.last_message_after is UNSET else query.last_message_after
    return Listing(
        limit=query.limit,
        order_by=query.order_by if version.orders else "createdAt",
        descending=query.order_direction == "DESC" or not version.orders,
        starting_after=query.after,
        offset=None if query.offset_ts is UNSET else moment("offsetTs", query.offset_ts),
        before=None if before is UNSET else moment("lastMessageBefore", before),
        after=None if after is UNSET else moment("lastMessageAfter", after),
        unreads_only=isinstance(query, UserConversationQuery) and query.unreads_only,
        custom=[_predicate(name, value) for name, value in filters.custom.items()],
    )


def _filter(text: str | None) -> Filter:
    if text is None:
        return Filter()
    decoded = text if text.lstrip().startswith("{") else unquote(text)  # many clients encode it twice
    try:
        return wire.decode(decoded.encode(), Filter)
    except Invalid as error:
        raise error.within("filter") from None


def _predicate(name: str, value: object) -> tuple[str, str, list[str]]:
    """`"value"`, `"exists"`, `"!exists"`, `["==" | "!=", value]` or `["oneOf" | "!oneOf", [values]]`."""
    if value in ("exists", "!exists"):
        return name, str(value), []
    pair = value if isinstance(value, list) else ["==", value]
    if len(pair) != 2 or pair[0] not in list(OPERATORS):  # noqa: PLR2004  a pair
        raise _unknown(name)
    values = pair[1] if isinstance(pair[1], list) else [pair[1]]
    if not all(isinstance(text, str) for text in values):
        raise _unknown(name)
    return name, str(pair[0]), [str(text) for text in values]


def _unknown(name: str) -> Invalid:
    return Invalid({f"filter.custom.{name}": ["is not a known predicate"]})
