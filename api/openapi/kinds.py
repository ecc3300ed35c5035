"""JSON schemas in a few words, for the tables of the API description's HTML page."""

import json

from api.wire import Json


def fields(schema: Json) -> list[Json]:
    """Fields of an object's schema, or of an array's items or a map's values: name, kind, text, required."""
    schema = schema.get("items") or schema.get("additionalProperties") or schema
    required = schema.get("required", ())
    return [
        {"name": name, "kind": kind(each), "text": each.get("description", ""), "required": name in required}
        for name, each in schema.get("properties", {}).items()
    ]


def kind(schema: Json) -> str:
    """Type of a schema in a few words, such as `array of integer`."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_one_of(each) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")]))
    name = schema.get("type", "anything")
    return {"array": _array, "object": _object}.get(name, _plain)(schema)


def _array(schema: Json) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(kind(each) for each in schema['prefixItems'])}]"
    return f"array of {kind(schema.get('items', {}))}{_bounds(schema, 'Items')}"


def _object(schema: Json) -> str:
    if "properties" in schema:
        return f"object {{{', '.join(schema['properties'])}}}"
    values = schema.get("additionalProperties")
    return f"object of {kind(values)}" if isinstance(values, dict) else "object"


def _plain(schema: Json) -> str:
    return f"{schema.get('type', 'anything')}{_bounds(schema, 'Length') or _bounds(schema, 'imum')}"


def _one_of(schema: Json) -> str:
    """Type of one alternative of a union; in brackets if it is a union itself."""
    said = kind(schema)
    return f"({said})" if " or " in said else said


def _bounds(schema: Json, what: str) -> str:
    low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
    unit = " characters" if what == "Length" else ""
    if low is None and high is None:
        return ""
    if high is None:
        return f" (at least {low}{unit})"
    return f" ({low} to {high}{unit})" if low is not None else f" (up to {high}{unit})"
