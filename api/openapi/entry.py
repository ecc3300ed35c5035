"""One entry of the description: what is said of an operation, beside its method and path."""

from dataclasses import dataclass, field
from typing import Any

from api.request import LIMIT, LIMIT_MOST
from api.wire import ID_LENGTH, Json

JSON = "application/json"
# What Python calls printable: no control or format characters, and no white space but the plain one.
ID: Json = {"type": "string", "pattern": r"^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$", "minLength": 1, "maxLength": ID_LENGTH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the document says of one operation; types are given as msgspec knows them."""

    name: str  # the operationId
    tag: str
    summary: str
    text: str = ""
    query: tuple[Json, ...] = ()
    body: Any = None  # the request body's type
    beside: Json = field(default_factory=dict)  # what the type cannot say of it
    sent: Any = field(default_factory=dict)  # and an example of it
    answer: Any = dict  # the type of a 200
    example: Any = field(default_factory=dict)  # and an example of it
    missing: tuple[str, ...] = ()  # the error codes of its 404
    conflict: str = ""  # the component that tells its 409
    media: str = JSON
    is_change: bool = False  # of participation: made durable, applied by a worker
    is_open: bool = False  # needs no credential
    needs_body: bool = False  # {} will not do


Entries = dict[tuple[str, str], Entry]


def query(name: str, schema: Json, text: str, *, required: bool = False) -> Json:
    """A query parameter."""
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": text}


PAGE = (
    query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": LIMIT},
        "How many to give; fewer than this means the end.",
    ),
    query("startingAfter", ID, "The last id of the page before."),
)
