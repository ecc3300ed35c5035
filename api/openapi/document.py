"""OpenAPI 3.1 document, made from the operations and msgspec's schemas of their types."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from api import idempotency_header, versions
from api.health import Readiness
from api.openapi import errors, events, examples
from api.routing import JSON, Operation
from api.schemas.changes import Change
from api.schemas.messages import TEXT_NODE
from api.schemas.types import PATH, Error
from api.schemas.webhooks import Event
from api.wire import Json

TEXT = (
    "Conversations that people take part in from their inbox, over the wire contract of the TalkJS REST API.\n\n"
    "A processed request answers 200; `{}` when there is nothing to return. Unknown fields are ignored. A change of "
    "participation is durable before it is answered, and a worker applies it: the answer waits until it is applied, or "
    "is 202 with the change when that takes too long or `Prefer: respond-async` asks for it."
)
TAGS = {
    "App": "The app itself. Nobody is online here, so presences and sessions are empty.",
    "Users": "Created and merged by your backend, deleted by erasure alone.",
    "Conversations": "Created and merged by your backend.",
    "Participants": "The users in a conversation, their access and notifications, and their inbound addresses.",
    "Changes": "The log of the changes of participation.",
    "Messages": "Messages and their files, newest first, and read state.",
    "Webhooks": "The receivers of events, and the log of deliveries.",
    "Inbound mail": "The log of inbound mails and their outcomes: nothing is dropped in silence.",
    "Batch": "Many requests in one.",
    "Operations": "Of no app, without a credential.",
}
CREDENTIAL: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A JWT signed (HS256) with the app's secret, with `tokenType` `app`, the app's id as `iss`, and an "
    "`exp`; or the secret itself.",
}
VISIBLE = "^[!-~¡-¬®-ÿ]([ -~¡-¬®-ÿ]*[!-~¡-¬®-ÿ])?$"  # printable, and allowed in a header
HEADERS: dict[str, Json] = {
    "Version": {
        "name": versions.HEADER,
        "in": "header",
        "schema": {"$ref": "#/components/schemas/ApiVersion"},
        "description": "The version of the contract; by default the app's own.",
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string"},
        "description": "RFC 7240: `respond-async` answers 202 at once, `wait=N` waits N seconds at most (up to 60).",
        "example": "wait=10",
    },
    "IdempotencyKey": {
        "name": idempotency_header.HEADER,
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": idempotency_header.LONGEST, "pattern": VISIBLE},
        "description": "A repeat of the request with the same key gets the first answer and has no effect, for a day.",
    },
}
API_VERSION: Json = {"ApiVersion": {"type": "string", "enum": list(versions.VERSIONS)}}
LOCATION: Json = {
    "Operation-Location": {
        "description": "The path of the change, also after a 200.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/v1/demo/changes/chg_42",
    }
}
REPLAYED: Json = {
    "Idempotency-Replayed": {
        "description": "This is the answer of an earlier request with the same `Idempotency-Key`.",
        "schema": {"const": "true"},
    }
}
PENDING = {"status": "pending", "appliedAt": None}
UNREADY = {"status": "unready", "database": "ok", "worker": "away", "broker": "ok", "missing": ["worker"]}
Schemas = dict[Any, Json]


def document(operations: Sequence[Operation]) -> Json:
    """Make the document; it is the same for every app and every installation."""
    schemas, components = _schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        queries = components[operation.query.__name__] if operation.query else {}
        paths.setdefault(operation.url, {})[operation.method.lower()] = _described(operation, schemas, queries)
    names = {operation.query.__name__ for operation in operations if operation.query}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mailtalk",
            "version": version("mailtalk"),
            "description": TEXT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The host of this document."}],
        "security": [{"credential": []}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "webhooks": events.section(schemas),
        "components": {
            "securitySchemes": {"credential": CREDENTIAL},
            "parameters": HEADERS | events.SIGNATURES,
            "responses": errors.RESPONSES,
            "schemas": {name: schema for name, schema in components.items() if name not in names}
            | API_VERSION
            | TEXT_NODE,
        },
    }


def path_parameter(name: str) -> Json:
    """Parameter of a path."""
    schema = _cleaned(msgspec.json.schema(PATH[name]))
    text, (example,) = schema.pop("description"), schema.pop("examples")
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": text, "example": example}


def _described(operation: Operation, schemas: Schemas, queries: Json) -> Json:
    summary, _, text = (operation.handler.__doc__ or "").partition("\n\n")
    described: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": summary.removesuffix("."),
        **({"description": " ".join(text.split())} if text else {}),
        "parameters": _parameters(operation, queries),
        "responses": dict(sorted(_responses(operation, schemas).items())),
    }
    if operation.body is not None:
        content = {operation.body_media: {"schema": schemas[operation.body], "example": examples.of(operation.body)}}
        described["requestBody"] = {"required": operation.needs_body, "content": content}
    return described | ({"security": []} if operation.is_open else {})


def _parameters(operation: Operation, queries: Json) -> list[Json]:
    headers = {
        "Version": not operation.is_open,
        "Prefer": operation.is_change or operation.takes_prefer,
        "IdempotencyKey": operation.method != "GET",
    }
    return [
        *(path_parameter(name) for name in re.findall(r"{(\w+)}", operation.url)),
        *(_query_parameter(name, schema, queries) for name, schema in queries.get("properties", {}).items()),
        *({"$ref": f"#/components/parameters/{name}"} for name, is_taken in headers.items() if is_taken),
    ]


def _query_parameter(name: str, schema: Json, queries: Json) -> Json:
    schema = dict(schema)
    text, found = schema.pop("description", ""), schema.pop("examples", [])
    example = {"example": found[0]} if found else {}
    required = name in queries["required"]
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": text} | example


def _responses(operation: Operation, schemas: Schemas) -> Json:
    content = {operation.media: {"schema": schemas[operation.answer], "example": examples.of(operation.answer)}}
    done: Json = {"description": "OK", "content": content}
    headers = (LOCATION if operation.is_change else {}) | (REPLAYED if operation.method != "GET" else {})
    done |= {"headers": headers} if headers else {}
    more = _range(operation, done) | _pending(operation, schemas) | _unready(operation, schemas)
    return {"200": done, **more, **errors.of(operation)}


def _range(operation: Operation, done: Json) -> Json:
    return {"206": done | {"description": "The range that was asked for."}} if operation.takes_range else {}


def _pending(operation: Operation, schemas: Schemas) -> Json:
    if not operation.is_change:
        return {}
    headers = {name: header | {"required": True} for name, header in LOCATION.items()} | REPLAYED
    content = {JSON: {"schema": schemas[Change], "example": examples.of(Change) | PENDING}}
    return {"202": {"description": "Durable, and not applied yet: it will be.", "headers": headers, "content": content}}


def _unready(operation: Operation, schemas: Schemas) -> Json:
    if operation.answer is not Readiness:
        return {}
    content = {JSON: {"schema": schemas[Readiness], "example": UNREADY}}
    return {"503": {"description": "Not ready.", "content": content}}


def _schemas(operations: Sequence[Operation]) -> tuple[Schemas, Json]:
    """Schema of every type of the operations, and the components they refer to."""
    types = [Error, Change, Event]
    for operation in operations:
        types += [each for each in (operation.body, operation.query, operation.answer) if each is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas, components = _cleaned([schemas, components])
    for component in components.values():
        component.pop("title", None)  # equal to the key; code generators would take it for a second name
    return dict(zip(types, schemas, strict=True)), components


def _cleaned(schema: Any) -> Any:
    r"""Schema with ^ and $ for Python's \A and \Z, and with Page[User] named UserPage."""
    text = msgspec.json.encode(schema).decode().replace(r"\\A", "^").replace(r"\\Z", "$")
    return msgspec.json.decode(re.sub(r'(["/])Page_(\w+?)_"', r'\1\2Page"', text))
