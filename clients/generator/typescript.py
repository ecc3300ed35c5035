"""Modules of the TypeScript client: types, and a class with a method for each operation."""

import json
import re
from collections.abc import Iterator

from clients.generator.operations import SCHEMAS, ClientOperation, Json, choices, constants, reference, values
from clients.generator.operations import operations as described

PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
HEAD = "// {doc} Made by clients/generator: do not edit.\n"


def models() -> str:
    """Module of the types."""
    lines = [HEAD.format(doc="Types of the API.")]
    for name, schema in SCHEMAS.items():
        lines.append(f"/** {schema.get('description', name)} */")
        lines += _interface(name, schema) if schema.get("properties") else [f"export type {name} = {_type(schema)};\n"]
    return "\n".join(lines)


def operations() -> str:
    """Module of the operations."""
    lines = [HEAD.format(doc="Operations of the API.")]
    lines += ['import type * as models from "./models.js";', 'import { Sender, path } from "./core.js";\n']
    lines += ["/** Options of a change: the key makes its repetition harmless. */"]
    lines += ["export interface ChangeOptions { idempotencyKey?: string; wait?: boolean }\n"]
    lines += ["export class Operations extends Sender {"]
    lines += [line for operation in described() for line in (*_method(operation), *_iterator(operation))]
    return "\n".join([*lines, "}", ""])


def _interface(name: str, schema: Json) -> Iterator[str]:
    yield f"export interface {name} {{"
    for field, inner in schema["properties"].items():
        yield f"  {json.dumps(field)}{'' if field in schema.get('required', []) else '?'}: {_type(inner)};"
    yield "}\n"


def _type(schema: Json) -> str:
    name = reference(schema)
    if name:
        return name
    if choices(schema):
        return " | ".join(dict.fromkeys(map(_type, choices(schema))))
    if constants(schema):
        return " | ".join(map(json.dumps, constants(schema)))
    if schema.get("type") == "array":
        return f"Array<{_type(schema.get('items', {}))}>"
    if schema.get("type") == "object":
        return f"Record<string, {_type(values(schema))}>"
    return PLAIN.get(str(schema.get("type")), "unknown")


def _method(operation: ClientOperation) -> Iterator[str]:
    given = [f"{name}: string" for name in operation.ids]
    if operation.body:
        given.append(f"body{'' if operation.needs_body else '?'}: {_in_client(operation.body)}")
    if operation.queries:
        given.append(f"query: {_query(operation, list(operation.queries))} = {{}}")
    given += ["options: ChangeOptions = {}"] if operation.method != "GET" else []
    sent = [", ".join(["body" if operation.body else "", "query" if operation.queries else ""]).strip(", ")]
    sent += ["...options"] if operation.method != "GET" else []
    yield f"  /** {operation.summary}. */"
    yield f"  {operation.name}({', '.join(given)}): Promise<{_in_client(operation.answer)}> {{"
    passed = ", ".join(filter(None, sent))
    yield f"    return this.send({json.dumps(operation.method)}, {_path(operation)}, {{ {passed} }});"
    yield "  }\n"


def _iterator(operation: ClientOperation) -> Iterator[str]:
    if operation.item is None:
        return
    given = [f"{name}: string" for name in operation.ids]
    names = [name for name in operation.queries if name != "startingAfter"]
    given.append(f"query: {_query(operation, names)} = {{}}")
    name = f"iterate{operation.name.removeprefix('list')}"
    passed = ", ".join([*operation.ids, "{ ...query, startingAfter }"])
    yield f"  /** All pages of `{operation.name}`, item by item. */"
    yield f"  {name}({', '.join(given)}): AsyncGenerator<{_in_client(operation.item)}> {{"
    yield f"    return this.pages((startingAfter) => this.{operation.name}({passed}));"
    yield "  }\n"


def _query(operation: ClientOperation, names: list[str]) -> str:
    fields = [f"{name}?: {_in_client(operation.queries[name])} | undefined" for name in names]
    return f"{{ {'; '.join(fields)} }}"


def _in_client(schema: Json | None) -> str:
    pattern = r"(?<![\"\w.])([A-Z]\w+)"
    return re.sub(pattern, lambda m: f"models.{m[1]}" if m[1] in SCHEMAS else m[1], _type(schema or {}))


def _path(operation: ClientOperation) -> str:
    values = ["this.appId" if name == "appId" else name for name in re.findall(r"\{(\w+)\}", operation.url)]
    template = re.sub(r"\{\w+\}", "{}", operation.url)
    return f"path({', '.join([json.dumps(template), *values])})"
