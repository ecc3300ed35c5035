"""`GET /docs` and `GET /openapi.json`: the document for people and for programs, made once at the start."""

import json
import re
import shlex
from base64 import b64encode
from hashlib import sha256
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.openapi.document import EXAMPLES, document
from api.wire import Json

TEMPLATES = Environment(
    loader=PackageLoader("api.openapi", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
TEMPLATES.filters["code"] = lambda text: Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704
CACHE = {"Cache-Control": "public, max-age=300"}


def routes(base_url: str) -> list[Route]:
    """The two routes; curl's examples in the page ask `base_url`."""
    described = document()
    style = TEMPLATES.get_template("docs.css").render()
    program = Response(msgspec.json.encode(described), headers=CACHE, media_type="application/json")
    human = Response(render(described, base_url, style), headers=CACHE | _guards(style), media_type="text/html")

    async def for_programs(_request: Request) -> Response:
        """GET /openapi.json."""
        return program

    async def for_people(_request: Request) -> Response:
        """GET /docs."""
        return human

    return [
        Route("/openapi.json", for_programs, methods=["GET"]),
        Route("/docs", for_people, methods=["GET"]),
    ]


def render(described: Json, base_url: str, style: str) -> str:
    """The page of a document."""
    resolved = _resolved(described, described)
    shown = {tag["name"]: _operations(resolved, tag["name"], base_url) for tag in described["tags"]}
    return TEMPLATES.get_template("docs.html").render(
        document=resolved, style=style, base_url=base_url, tags={tag: shown[tag] for tag in shown if shown[tag]},
        texts={tag["name"]: tag["description"] for tag in described["tags"]},
        fields=fields, kind=kind, pretty=pretty,
    )


def fields(schema: Json) -> list[Json]:
    """The fields of an object's schema, or of an array's items: name, kind, text, required."""
    schema = schema.get("items", schema)
    required = schema.get("required", ())
    return [
        {"name": name, "kind": kind(each), "text": each.get("description", ""), "required": name in required}
        for name, each in schema.get("properties", {}).items()
    ]


def kind(schema: Json) -> str:
    """What a schema lets be, in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind(each) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")]))
    if "properties" in schema:
        return f"{schema.get('title', 'object')} {{{', '.join(schema['properties'])}}}"
    if schema.get("type") == "array":
        return f"array of {kind(schema.get('items', {}))}{_bounds(schema, 'Items')}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {kind(schema['additionalProperties'])}"
    return f"{schema.get('type', 'anything')}{_bounds(schema, 'Length') or _bounds(schema, 'imum')}"


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
    for name, example in EXAMPLES.items():
        path = path.replace(f"{{{name}}}", example)
    parts = [f"curl -X {method.upper()} {base_url}{path}" if method != "get" else f"curl {base_url}{path}"]
    if operation.get("security") != []:
        parts.append('-H "Authorization: Bearer $MAILTALK_SECRET"')
    body = operation.get("requestBody")
    if body:
        sent = json.dumps(body["content"]["application/json"]["example"], ensure_ascii=False)
        parts += ['-H "Content-Type: application/json"', f"-d {shlex.quote(sent)}"]
    return " \\\n  ".join(parts)


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
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
