"""`GET /docs/api` and `GET /openapi.json`: the API description as an HTML page and as an OpenAPI document."""

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Sequence
from functools import cached_property, reduce
from hashlib import sha256
from operator import getitem
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.openapi.document import document, path_parameter
from api.openapi.kinds import fields, kind
from api.routing import MULTIPART, Operation, route
from api.schemas.types import PATH, OpenApi
from api.wire import Answer, Json

TAG = "Operations"
TEMPLATES = Environment(
    loader=PackageLoader("api.openapi", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
TEMPLATES.filters["code"] = lambda text: Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704
LONG = 90  # characters of a line
CACHE = {"Cache-Control": "public, max-age=300"}


class Description:
    """Document and page, each made at its first request."""

    def __init__(self, operations: Sequence[Operation], base_url: str) -> None:
        """`base_url` is that of the curl examples."""
        self._operations, self._base_url = operations, base_url

    @cached_property
    def document(self) -> Json:
        """OpenAPI document."""
        return document(self._operations)

    @cached_property
    def program(self) -> Answer[OpenApi]:
        """Response to GET /openapi.json."""
        return Answer(msgspec.json.encode(self.document), headers=CACHE)

    @cached_property
    def page(self) -> Answer[str]:
        """Response to GET /docs/api."""
        style, script = (TEMPLATES.get_template(name).render() for name in ("docs.css", "try.js"))
        page = render(self.document, self._base_url, style, script)
        return Answer(page, headers=CACHE | _guards(style, script), media_type="text/html")


@route("GET", "/openapi.json", TAG, is_open=True)
async def get_description(request: Request) -> Answer[OpenApi]:
    """Get this description, for programs."""
    description: Description = request.app.state.description
    return await run_in_threadpool(lambda: description.program)


@route("GET", "/docs/api", TAG, is_open=True, media="text/html")
async def get_docs(request: Request) -> Answer[str]:
    """Get this description, for people."""
    description: Description = request.app.state.description
    return await run_in_threadpool(lambda: description.page)


def render(described: Json, base_url: str, style: str, script: str) -> str:
    """Render a document as an HTML page."""
    resolved = _resolved(described, described)
    shown = {tag["name"]: _operations(resolved, tag["name"], base_url) for tag in described["tags"]}
    return TEMPLATES.get_template("docs.html").render(
        document=resolved,
        style=style,
        script=script,
        base_url=base_url,
        tags={tag: shown[tag] for tag in shown if shown[tag]},
        texts={tag["name"]: tag["description"] for tag in described["tags"]},
        fields=fields,
        kind=kind,
        pretty=pretty,
    )


def pretty(value: object) -> str:
    """Format a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _operations(resolved: Json, tag: str, base_url: str) -> list[Json]:
    return [
        {"method": method.upper(), "path": path, "curl": _curl(method, path, operation, base_url)}
        | {"samples": _values(operation), "body": _body(operation)}
        | operation
        for path, methods in resolved["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    ]


def _values(operation: Json) -> Json:
    """Example of each parameter of the path, and of each required one of the query."""
    path = {name: path_parameter(name)["example"] for name in PATH}
    return path | {each["name"]: path.get(each["name"]) or each["example"] for each in _needed(operation)}


def _needed(operation: Json) -> list[Json]:
    return [each for each in operation["parameters"] if each["in"] == "query" and each.get("required")]


def _body(operation: Json) -> str:
    """Example of the JSON body; empty if there is none."""
    content = operation.get("requestBody", {"content": {}})["content"].get("application/json")
    return pretty(content["example"]) if content else ""


def _curl(method: str, path: str, operation: Json, base_url: str) -> str:
    values = _values(operation)
    for name in PATH:
        path = path.replace(f"{{{name}}}", values[name])
    query = "&".join(f"{each['name']}={values[each['name']]}" for each in _needed(operation))
    url = f"{base_url}{path}?{query}" if query else f"{base_url}{path}"
    parts = [f"curl {shlex.quote(url)}" if method == "get" else f"curl -X {method.upper()} {shlex.quote(url)}"]
    if operation.get("security") != []:
        parts.append('-H "Authorization: Bearer $MAILTALK_SECRET"')
    return " \\\n  ".join(parts + _curl_body(operation))


def _curl_body(operation: Json) -> list[str]:
    if "requestBody" not in operation:
        return []
    ((media, content),) = operation["requestBody"]["content"].items()
    example = content["example"]
    if media == MULTIPART:
        return [f"-F {shlex.quote(f'{name}={value}')}" for name, value in example.items()]
    sent = json.dumps(example, ensure_ascii=False)
    sent = sent if len(sent) <= LONG else json.dumps(example, ensure_ascii=False, indent=2)
    return ['-H "Content-Type: application/json"', f"-d {shlex.quote(sent)}"]


def _resolved(node: Any, described: Json, within: tuple[str, ...] = ()) -> Any:
    """Replace each $ref in a document by its target; one within its own target becomes a type of its name."""
    if isinstance(node, list):
        return [_resolved(each, described, within) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {key: _resolved(value, described, within) for key, value in node.items()}
    reference = node["$ref"]
    steps = reference.removeprefix("#/").split("/")
    if reference in within:
        return {"type": steps[-1]}
    target = _resolved(reduce(getitem, steps, described), described, (*within, reference))
    return target | {key: value for key, value in node.items() if key != "$ref"}


def _guards(style: str, script: str) -> dict[str, str]:
    """Security headers of the page: its own style and script, requests to this server, nothing else."""
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
