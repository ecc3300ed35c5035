"""JSON in and out: bodies and queries decoded as their types, errors that name the field."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.responses import Response

from api.schemas.types import ID_LENGTH, ID_PATTERN
from mailtalk.errors import Invalid
from mailtalk.ids import PublicId

Json = dict[str, Any]
Shape = TypeVar("Shape")
Content = TypeVar("Content")
_ID = re.compile(ID_PATTERN)
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")


class Answer(Response, Generic[Content]):
    """A response whose JSON is a Content."""

    media_type = "application/json"


def reply(content: Content, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer[Content]:
    """A JSON response; None is {}."""
    return Answer(msgspec.json.encode({} if content is None else content), status, headers)


def decode(raw: bytes, shape: type[Shape]) -> Shape:
    """A request body as its type; an empty one is {}. Invalid names the wrong field."""
    try:
        content = _checked(lambda: msgspec.json.decode(raw.strip() or b"{}", type=shape))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid({"body": ["is not JSON"]}) from None
    if b"\\u0000" in raw:
        _refuse_nul(content)
    return content


def query(parameters: Mapping[str, str], shape: type[Shape]) -> Shape:
    """The parameters of a query as a Struct. Invalid names the wrong one."""
    return _checked(lambda: msgspec.convert(dict(parameters), shape, strict=False))


def within(name: str, error: Invalid) -> Invalid:
    """An error of a part, with the fields named as in the whole; the part itself is its `body`."""
    reasons = error.reasons if isinstance(error.reasons, Mapping) else {}
    return Invalid({name if field == "body" else f"{name}.{field}": texts for field, texts in reasons.items()})


def path_value(name: str, quoted: str) -> str:
    """An id from the path: percent-encoded, with any character but control characters."""
    try:
        value = unquote_to_bytes(quoted.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise Invalid({name: ["is not UTF-8"]}) from None
    return checked_id(name, value)


def checked_id(name: str, value: str) -> str:
    """An id. Invalid unless it has 1 to 255 characters, none of them a control character."""
    if len(value) > ID_LENGTH or _ID.match(value) is None:
        raise Invalid({name: [f"must be 1 to {ID_LENGTH} characters, none of them a control character"]})
    return value


def cursor(kind: PublicId, text: str | None) -> int | None:
    """The number of the id that `startingAfter` names. Invalid for any other text."""
    number = None if text is None else kind.read(text)
    if text is not None and number is None:
        raise Invalid({"startingAfter": [f"is not the id of a {kind.noun}"]})
    return number


def _checked(read: Callable[[], Shape]) -> Shape:
    try:
        return read()
    except msgspec.ValidationError as error:
        raise Invalid(_reasons(str(error))) from None


def _refuse_nul(content: object) -> None:
    # PostgreSQL's text cannot hold U+0000.
    try:
        field = _nul_in(msgspec.to_builtins(content, builtin_types=(msgspec.Raw, datetime)), "")
    except RecursionError:
        raise Invalid({"body": ["is nested too deep"]}) from None
    if field is not None:
        raise Invalid({field or "body": ["has a NUL character (U+0000), which cannot be stored"]})


def _nul_in(content: object, path: str) -> str | None:
    if isinstance(content, str):
        return path if "\x00" in content else None
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        field = path if "\x00" in str(key) else _nul_in(value, f"{path}.{key}".lstrip("."))
        if field is not None:
            return field
    return None


def _reasons(message: str) -> dict[str, list[str]]:
    match = _AT.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    missing = _MISSING.match(what)
    field = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", path).strip(".")
    if missing:
        return {f"{field}.{missing['field']}".strip("."): ["is required"]}
    return {field or "body": [what.replace(f"matching regex '{ID_PATTERN}'", "without control characters")]}
