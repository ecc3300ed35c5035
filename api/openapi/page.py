"""`GET /docs` and `GET /openapi.json`: the document for people and for programs, made once at the start."""

import json
import re
import shlex
from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.openapi import parameters
from api.openapi.document import document
from api.wire import Json

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


def routes(base_url: str) -> list[Route]:
    """The two routes; curl's examples in the page ask `base_url`. Made when first asked for, not at the start."""
    described = cache(document)
    program, human = cache(lambda: _program(described())), cache(lambda: _human(described(), base_url))

    async def for_programs(_request: Request) -> Response:
        """GET /openapi.json."""
        return await run_in_threadpool(program)

    async def for_people(_request: Request) -> Response:
        """GET /docs."""
        return await run_in_threadpool(human)

    return [
        Route("/openapi.json", for_programs, methods=["GET"]),
        Route("/docs", for_people, methods=["GET"]),
    ]


def _program(described: Json) -> Response:
    return Response(msgspec.json.encode(described), headers=CACHE, media_type="application/json")


def _human(described: Json, base_url: str) -> Response:
    style = TEMPLATES.get_template("docs.css").render()
    return Response(render(described, base_url, style), headers=CACHE | _guards(style), media_type="text/html")


def render(described: Json, base_url: str, style: str) -> str:
    """The page of a document."""
    resolved = _resolved(described, described)
    shown = {tag["name"]: _operations(resolved, tag["name"], base_url) for tag in described["tags"]}
    return TEMPLATES.get_template("docs.html").render(
        document=resolved,
        style=style,
        base_url=base_url,
        tags={tag: shown[tag] for tag in shown if shown[tag]},
        texts={tag["name"]: tag["description"] for tag in described["tags"]},
        fields=fields,
        kind=kind,
        pretty=pretty,
    )


def fields(schema: Json) -> list[Json]:
    """The fields of an object's schema, or of what an array or a map holds: name, kind, text, required."""
    schema = schema.get("items") or schema.get("additionalProperties") or schema
    required = schema.get("required", ())
    return [
        {"name": name, "kind": kind(each), "text": each.get("description", ""), "required": name in required}
        for name, each in schema.get("properties", {}).items()
    ]


def kind(schema: Json) -> str:
    """What a schema lets be, in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_one_of(each) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")]))
    name = schema.get("type", "anything")
    return {"array": _array, "object": _object}.get(name, _plain)(schema)


def pretty(value: object) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _operations(resolved: Json, tag: str, base_url: str) -> list[Json]:
    return [
        {"method": method.upper(), "path": path, "curl": _curl(method, path, operation, base_url), **operation}
        for path, methods in resolved["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    ]


def _curl(method: str, path: str, operation: Json, base_url: str) -> str:
    for name, said in parameters.PATH.items():
        path = path.replace(f"{{{name}}}", said["example"])
    needed = [each for each in operation["parameters"] if each["in"] == "query" and each.get("required")]
    query = "&".join(f"{each['name']}={parameters.PATH.get(each['name'], each)['example']}" for each in needed)
    url = f"{base_url}{path}?{query}" if query else f"{base_url}{path}"
    parts = [f"curl {shlex.quote(url)}" if method == "get" else f"curl -X {method.upper()} {shlex.quote(url)}"]
    if operation.get("security") != []:
        parts.append('-H "Authorization: Bearer $MAILTALK_SECRET"')
    return " \\\n  ".join(parts + _curl_body(operation))


def _curl_body(operation: Json) -> list[str]:
    if "requestBody" not in operation:
        return []
    example = operation["requestBody"]["content"]["application/json"]["example"]
    sent = json.dumps(example, ensure_ascii=False)
    sent = sent if len(sent) <= LONG else json.dumps(example, ensure_ascii=False, indent=2)
    return ['-H "Content-Type: application/json"', f"-d {shlex.quote(sent)}"]


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
    """A kind beside others; in brackets when it is an object of several kinds itself."""
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


def _resolved(node: Any, described: Json) -> Any:
    """The document with each $ref replaced by what it points to; none of ours points back."""
    if isinstance(node, list):
        return [_resolved(each, described) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = described
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return _resolved(target, described) | {key: value for key, value in node.items() if key != "$ref"}
    return {key: _resolved(value, described) for key, value in node.items()}


def _guards(style: str) -> dict[str, str]:
    """Headers of a page that loads nothing, runs nothing and is framed by nobody."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
