"""Shared types of the schemas: ids, times, pages, errors, and the query of a page."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mailtalk import clock
from mailtalk.errors import Invalid
from mailtalk.ids import CHANGE, EVENT, MAIL

ID_LENGTH = 255
ID_PATTERN = r"\A[^\x00-\x1f\x7f-\x9f\u2028\u2029]+\Z"  # no control characters, no line separators
LATEST = 253_402_300_799_000  # ms: the end of the year 9999
LIMIT, LIMIT_MOST = 10, 100

Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=ID_PATTERN)]
Timestamp = Annotated[int, Meta(ge=0, le=LATEST, description="Milliseconds since 1970-01-01 UTC.")]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
EventId = Annotated[str, Meta(pattern=EVENT.pattern)]
Text = str | UnsetType | None

Item = TypeVar("Item")
# Parameters of paths, by name.
PATH: dict[str, object] = {
    "appId": Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$", description="Your app.", examples=["demo"])],
    "userId": Annotated[Id, Meta(description="Your id of the user, percent-encoded.", examples=["alice"])],
    "conversationId": Annotated[
        Id, Meta(description="Your id of the conversation, percent-encoded.", examples=["order_391"])
    ],
    "messageId": Annotated[Id, Meta(description="The message's id.", examples=["msg_Zm9yIHRoZSB0ZXN0cw"])],
    "emoji": Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            pattern=ID_PATTERN,
            description="An emoji, percent-encoded, or its name.",
            examples=["👍"],
        ),
    ],
    "fileId": Annotated[
        str,
        Meta(pattern="^[0-9a-f]{32}$", description="The file's id.", examples=["2f1c0d9e8b7a46f5a4b3c2d1e0f9a8b7"]),
    ],
    "name": Annotated[Id, Meta(description="The file's name, percent-encoded.", examples=["plan.pdf"])],
    "changeId": Annotated[str, Meta(pattern=CHANGE.pattern, description="The change's id.", examples=["chg_42"])],
    "webhookId": Annotated[
        str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$", description="Your id of the webhook.", examples=["main"])
    ],
    "mailId": Annotated[str, Meta(pattern=MAIL.pattern, description="The inbound mail's id.", examples=["mail_12"])],
}


class Empty(msgspec.Struct):
    """An empty object: there is nothing to return."""


class Page(msgspec.Struct, Generic[Item]):
    """A page of a list."""

    data: list[Item]


class Error(msgspec.Struct, rename="camel"):
    """An error: a code for programs, and reasons for people, by field or as a list."""

    error_code: Annotated[str, Meta(pattern="^[A-Z_]+$")]
    reasons: dict[str, list[str]] | list[str]


class OpenApi(msgspec.Struct):
    """An OpenAPI document."""

    openapi: str


class PageQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Query of a list."""

    limit: Annotated[int, Meta(ge=1, le=LIMIT_MOST, description="Items in a page; a shorter page is the last one.")] = (
        LIMIT
    )
    starting_after: Annotated[Id, Meta(description="The last id of the previous page.")] | UnsetType = UNSET

    @property
    def after(self) -> str | None:
        """Last id of the previous page; None for the first page."""
        return self.starting_after or None


def moment(name: str, millis: float) -> datetime:
    """Convert a wire timestamp in milliseconds; Invalid outside the years 1970 to 9999."""
    if not 0 <= millis <= LATEST:
        raise Invalid({name: ["must be a time in milliseconds since 1970"]})
    return datetime.fromtimestamp(millis / 1000, UTC)


def maybe_millis(moment: datetime | None) -> int | None:
    """Convert a moment to a wire timestamp; None stays None."""
    return None if moment is None else clock.millis(moment)
