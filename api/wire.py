"""JSON on the wire: decode bodies and queries to their types, with errors that name the field; encode answers."""

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
BOM = b"\xef\xbb\xbf"
_ARRAY_FOR_OBJECT = re.compile(r"Expected `[^`]*object[^`]*`, got `array`")
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.(\w+)")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")


class Answer(Response, Generic[Content]):
    """JSON response; its body is a Content."""

    media_type = "application/json"


def reply(content: Content, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer[Content]:
    """Make a JSON response; None means {}."""
    return Answer(msgspec.json.encode({} if content is None else content), status, headers)


def decode(raw: bytes, shape: type[Shape]) -> Shape:
    """Decode a request body to its type; an empty body means {}. Invalid names the wrong field.

    An empty array where an object is expected is accepted as {}: PHP encodes empty objects so.
    """
    raw = raw.removeprefix(BOM).strip() or b"{}"
    try:
        content = _decoded(raw, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid({"body": ["is not JSON"]}) from None
    if b"\\u0000" in raw:
        _refuse_nul(content)
    return content


def query(parameters: Mapping[str, str], shape: type[Shape]) -> Shape:
    """Decode a query's parameters to a Struct. Invalid names the wrong parameter."""
    return _checked(lambda: msgspec.convert(dict(parameters), shape, strict=False))


def path_value(name: str, quoted: str) -> str:
    """Decode a percent-encoded id of the path. Invalid for control characters, a wrong length and what is not UTF-8."""
    try:
        value = unquote_to_bytes(quoted.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise Invalid({name: ["is not UTF-8"]}) from None
    return checked_id(name, value)


def checked_id(name: str, value: str) -> str:
    """Validate an id: 1 to 255 characters, none of them a control character. Raises Invalid."""
    if len(value) > ID_LENGTH or _ID.match(value) is None:
        raise Invalid({name: [f"must be 1 to {ID_LENGTH} characters, none of them a control character"]})
    return value


def cursor(kind: PublicId, text: str | None) -> int | None:
    """Parse the id in `startingAfter` to its number. Invalid for any other text."""
    number = None if text is None else kind.read(text)
    if text is not None and number is None:
        raise Invalid({"startingAfter": [f"is not the id of a {kind.noun}"]})
    return number


def _decoded(raw: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        mended = _mended(raw, str(error))
        if mended is None:
            raise Invalid(_reasons(str(error))) from None
    return _decoded(mended, shape)


def _mended(raw: bytes, message: str) -> bytes | None:
    """JSON with {} in place of the empty array that a msgspec message rejects; None if it is about no empty array."""
    match = _AT.match(message)
    if match is None or not _ARRAY_FOR_OBJECT.match(match["what"]):
        return None
    root = [msgspec.json.decode(raw)]
    places: list[tuple[Any, Any]] = [(root, 0)]  # each a container and a key of it
    for index, name in _STEP.findall(match["path"] or ""):
        places = [place for holder, key in places for place in _places_in(holder[key], index, name)]
    empty = [(holder, key) for holder, key in places if holder[key] == []]
    for holder, key in empty:
        holder[key] = {}
    return msgspec.json.encode(root[0]) if empty else None


def _places_in(value: Any, index: str, name: str) -> list[tuple[Any, Any]]:
    """Places in a value that a step of a path may mean: `[...]` is whichever value of a map."""
    if index == "..." and isinstance(value, dict):
        return [(value, key) for key in value]
    if name and isinstance(value, dict):
        return [(value, name)] if name in value else []
    return [(value, int(index))] if index.isdigit() and isinstance(value, list) and int(index) < len(value) else []


def _checked(read: Callable[[], Shape]) -> Shape:
    try:
        return read()
    except msgspec.ValidationError as error:
        raise Invalid(_reasons(str(error))) from None


def _refuse_nul(content: object) -> None:
    # PostgreSQL's text type cannot hold U+0000.
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
