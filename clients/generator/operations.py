"""The API's document as the generators read it: schemas and operations."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from api.app import OPERATIONS
from api.openapi.document import document

Json = dict[str, Any]
JSON = "application/json"
SKIPPED = {"uploadFile", "getFile", "getDescription", "getDocs"}  # written by hand; no JSON; not for programs
DOCUMENT: Json = document(OPERATIONS)
SCHEMAS: Mapping[str, Json] = DOCUMENT["components"]["schemas"]


@dataclass(frozen=True)
class ClientOperation:
    """An operation: method, URL template, and its description in the document."""

    method: str
    url: str
    described: Json

    @property
    def name(self) -> str:
        """Name: its operationId."""
        return str(self.described["operationId"])

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return str(self.described["summary"])

    @property
    def ids(self) -> list[str]:
        """Names of the path's parameters but the app's."""
        return [name for name in re.findall(r"\{(\w+)\}", self.url) if name != "appId"]

    @cached_property
    def queries(self) -> Mapping[str, Json]:
        """Schemas of the query's parameters."""
        return {each["name"]: each.get("schema", {}) for each in self._parameters if each["in"] == "query"}

    @property
    def body(self) -> Json | None:
        """Schema of the JSON body."""
        content = self.described.get("requestBody", {}).get("content", {}).get(JSON)
        return content["schema"] if content else None

    @property
    def needs_body(self) -> bool:
        """False if a request may have no body."""
        return bool(self.described.get("requestBody", {}).get("required"))

    @property
    def answer(self) -> Json | None:
        """Schema of a 200."""
        content = self.described["responses"]["200"]["content"].get(JSON)
        return content["schema"] if content else None

    @property
    def is_change(self) -> bool:
        """True if it may be answered 202, before it is applied."""
        return any(each["name"] == "Prefer" for each in self._parameters)

    @property
    def item(self) -> Json | None:
        """Schema of an item, if it is a list in pages."""
        if not {"limit", "startingAfter"} <= self.queries.keys() or self.answer is None:
            return None
        page: Json = SCHEMAS[self.answer["$ref"].rpartition("/")[2]]
        return page["properties"]["data"]["items"]  # type: ignore[no-any-return]

    @property
    def _parameters(self) -> list[Json]:
        named = DOCUMENT["components"]["parameters"]
        return [
            named[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in self.described["parameters"]
        ]


def operations() -> Iterator[ClientOperation]:
    """All operations of the clients, in the document's order."""
    for url, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            if described["operationId"] not in SKIPPED:
                yield ClientOperation(method.upper(), url, described)


def choices(schema: Json) -> list[Json]:
    """Alternatives of a schema; empty if there is only one."""
    return list(schema.get("anyOf") or schema.get("oneOf") or ())


def constants(schema: Json) -> list[Any]:
    """Values of an enum or a constant."""
    return list(schema.get("enum") or ([schema["const"]] if "const" in schema else []))


def reference(schema: Json) -> str | None:
    """Name of the schema that it refers to."""
    return str(schema["$ref"]).rpartition("/")[2] if "$ref" in schema else None


def values(schema: Json) -> Json:
    """Schema of the values of a map; {} if they may be anything."""
    given = schema.get("additionalProperties")
    return given if isinstance(given, dict) else {}
