"""Modules of the Python client: types, and the two clients."""

import keyword
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from clients.generator.operations import (
    SCHEMAS,
    ClientOperation,
    Json,
    choices,
    constants,
    operations,
    reference,
    values,
)

PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
SYNCHRONOUS = (
    *(("async def ", "def "), ("await ", ""), ("async for ", "for "), ("AsyncIterator", "Iterator")),
    *(("AsyncClient", "Client"), ("__aenter__", "__enter__"), ("__aexit__", "__exit__"), ("aclose", "close")),
    *(("asyncio.sleep", "time.sleep"), ("import asyncio", "import time"), ("Asynchronous", "Synchronous")),
)


def models() -> str:
    """Module of the types: a TypedDict for each object, an alias for everything else."""
    lines = [
        '"""Types of the API. Made by clients/generator: do not edit."""\n',
        "from __future__ import annotations\n",
    ]
    lines += ["from typing import Any, Literal, NotRequired, TypedDict, Union\n"]
    for name, schema in SCHEMAS.items():
        alias = f"{name} = {_type(schema, quoted=True)}\n"
        lines += _typed_dict(name, schema) if schema.get("properties") else [alias]
    return "\n".join(lines)


def client(*, is_async: bool) -> str:
    """Module of a client: a method for each operation, an iterator for each list."""
    source = (Path(__file__).parent / "client.py.in").read_text(encoding="utf-8")
    methods = "\n".join(line for operation in operations() for line in (*_method(operation), *_iterator(operation)))
    source = source.replace("    # OPERATIONS\n", methods)
    for old, new in () if is_async else SYNCHRONOUS:
        source = source.replace(old, new)
    return source


def _typed_dict(name: str, schema: Json) -> Iterator[str]:
    yield f"{name} = TypedDict(\n    {name!r},\n    {{"
    for field, inner in schema["properties"].items():
        kind = _type(inner)
        kind = kind if field in schema.get("required", []) else f"NotRequired[{kind}]"
        yield f"        {field!r}: {kind!r},"
    yield "    },\n)"
    yield f'"""{schema.get("description", name)}"""\n'


def _type(schema: Json, *, quoted: bool = False) -> str:
    """Annotation of a schema."""
    name = reference(schema)
    if name:
        return repr(name) if quoted else name
    if choices(schema):
        return f"Union[{', '.join(dict.fromkeys(_type(each, quoted=quoted) for each in choices(schema)))}]"
    if constants(schema):
        return f"Literal[{', '.join(map(repr, constants(schema)))}]"
    if schema.get("type") == "array":
        return f"list[{_type(schema.get('items', {}), quoted=quoted)}]"
    if schema.get("type") == "object":
        return f"dict[str, {_type(values(schema), quoted=quoted)}]"
    return PLAIN.get(str(schema.get("type")), "Any")


def _method(operation: ClientOperation) -> Iterator[str]:
    answer, names = _in_client(operation.answer), list(operation.queries)
    keywords = _keywords(operation, names)
    sent = [repr(operation.method), _path(operation)]
    sent += ["json=body"] if operation.body else []
    sent += [f"params={{{', '.join(f'{name!r}: {_snake(name)}' for name in names)}}}"] if names else []
    sent += [
        f"{name}={name}" for name in ("idempotency_key", "wait") if any(each.startswith(name) for each in keywords)
    ]
    yield f"    async def {_snake(operation.name)}({_arguments(operation, keywords)}) -> {answer}:"
    yield f'        """{operation.summary}."""'
    yield f"        answer: {answer} = await self._send({', '.join(sent)})"
    yield "        return answer\n"


def _iterator(operation: ClientOperation) -> Iterator[str]:
    if operation.item is None:
        return
    names = [name for name in operation.queries if name != "startingAfter"]
    arguments = _arguments(operation, _keywords(operation, names))
    name, item = _snake(operation.name), _in_client(operation.item)
    passed = [*map(_snake, operation.ids), *(f"{_snake(each)}={_snake(each)}" for each in names), "starting_after=last"]
    yield f"    async def iterate_{name.removeprefix('list_')}({arguments}) -> AsyncIterator[{item}]:"
    yield f'        """All pages of `{name}`, item by item."""'
    yield "        last: str | None = None"
    yield "        while True:"
    yield f"            page = await self.{name}({', '.join(passed)})"
    yield '            for item in page["data"]:'
    yield "                yield item"
    yield '            if not page["data"]:'
    yield "                return"
    yield '            last = page["data"][-1]["id"]\n'


def _arguments(operation: ClientOperation, keywords: Sequence[str]) -> str:
    given = [f"{_snake(each)}: str" for each in operation.ids]
    if operation.body:
        given.append(f"body: {_in_client(operation.body)}" + ("" if operation.needs_body else " | None = None"))
    return ", ".join(["self", *given, *(["*", *keywords] if keywords else [])])


def _keywords(operation: ClientOperation, names: Sequence[str]) -> list[str]:
    keywords = [f"{_snake(name)}: {_in_client(operation.queries[name])} | None = None" for name in names]
    keywords += ["idempotency_key: str | None = None"] if operation.method != "GET" else []
    return keywords + (["wait: bool = True"] if operation.is_change else [])


def _in_client(schema: Json | None) -> str:
    """Annotation in the clients, where the types are in `models`."""
    pattern = r"(?<!['\w.])([A-Z]\w+)"
    return re.sub(pattern, lambda m: f"models.{m[1]}" if m[1] in SCHEMAS else m[1], _type(schema or {}))


def _path(operation: ClientOperation) -> str:
    template = re.sub(r"\{\w+\}", "{}", operation.url)
    values = [*(["self.app_id"] if "{appId}" in operation.url else []), *map(_snake, operation.ids)]
    return f"path({template!r}, {', '.join(values)})" if values else repr(template)


def _snake(name: str) -> str:
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return f"{snake}_" if keyword.iskeyword(snake) else snake
