"""The OpenAPI 3.1 document, made of the entries and of msgspec's schemas of the bodies."""

import re
from importlib.metadata import version
from typing import Any

import msgspec

from api.openapi import (
    answers,
    beside,
    conversations,
    files,
    health,
    inbound,
    messages,
    parameters,
    participants,
    problems,
    users,
    webhooks,
)
from api.openapi.entry import JSON, Entries, Entry
from api.wire import Json

APP = "/v1/{appId}"
ENTRIES: Entries = {
    **users.ENTRIES,
    **conversations.ENTRIES,
    **participants.ENTRIES,
    **messages.ENTRIES,
    **webhooks.ENTRIES,
    **inbound.ENTRIES,
    **files.ENTRIES,
    **health.ENTRIES,
}
TEXT = (
    "Conversations that people take part in from their inbox, over the wire contract of the TalkJS REST API.\n\n"
    "A processed request answers 200; `{}` when there is nothing to return. Fields that are not known are ignored. "
    "A change of participation is durable before it is answered, and a worker applies it: the answer waits until it is "
    "applied, or is 202 with the change when that takes too long or `Prefer: respond-async` asks for it."
)
TAGS = {
    "Users": "Created and merged by your backend, never deleted.",
    "Conversations": "Created and merged by your backend.",
    "Participants": "Who takes part in a conversation, how, and from which address.",
    "Changes": "The log of the changes of participation.",
    "Messages": "What was said, newest first, and who has read it.",
    "Webhooks": "Who is told of what happened, and what became of it.",
    "Inbound mail": "What came by mail and what became of it: nothing is dropped in silence.",
    "Batch": "Many requests in one.",
    "Operations": "What belongs to no app and needs no credential.",
}
CREDENTIAL: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A JWT signed (HS256) with the app's secret, with `tokenType` `app`, the app's id as `iss`, and an "
    "`exp`; or the secret itself.",
}
PENDING: Json = {
    "id": "chg_42",
    "kind": "join",
    "status": "pending",
    "requestedAt": 1_700_000_000_000,
    "appliedAt": None,
}
UNREADY = {"status": "unready", "database": "ok", "worker": "away", "broker": "ok", "missing": ["worker"]}
Schemas = dict[Any, Json]


def document() -> Json:
    """The document; the same for every app and every installation."""
    schemas, components = _schemas()
    paths: dict[str, Json] = {}
    for (method, path), entry in ENTRIES.items():
        paths.setdefault(_full(path, entry), {})[method.lower()] = _operation(method, path, entry, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mailtalk",
            "version": version("mailtalk"),
            "description": TEXT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document was got."}],
        "security": [{"credential": []}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "webhooks": webhooks.described(schemas),
        "components": {
            "securitySchemes": {"credential": CREDENTIAL},
            "parameters": parameters.REQUEST | webhooks.SIGNED,
            "responses": problems.COMPONENTS,
            "schemas": components,
        },
    }


def _full(path: str, entry: Entry) -> str:
    return path if entry.is_open else APP + path


def _operation(method: str, path: str, entry: Entry, schemas: Schemas) -> Json:
    operation: Json = {
        "operationId": entry.name,
        "tags": [entry.tag],
        "summary": entry.summary,
        **({"description": entry.text} if entry.text else {}),
        "parameters": _parameters(method, path, entry),
        "responses": dict(sorted(_responses(method, entry, schemas).items())),
    }
    if entry.body is not None:
        schema = schemas[entry.body] | entry.beside
        content = {JSON: {"schema": schema, "example": entry.sent}}
        operation["requestBody"] = {"required": entry.needs_body, "content": content}
    return operation | ({"security": []} if entry.is_open else {})


def _parameters(method: str, path: str, entry: Entry) -> list[Json]:
    names = re.findall(r"{(\w+)}", _full(path, entry))
    ids = [{"name": name, "in": "path", "required": True, **parameters.PATH[name]} for name in names]
    headers = {
        "Version": not entry.is_open,
        "Prefer": entry.is_change or entry.answer is answers.Results,
        "IdempotencyKey": method != "GET",
    }
    taken = [{"$ref": f"#/components/parameters/{name}"} for name, is_taken in headers.items() if is_taken]
    return [*ids, *entry.query, *taken]


def _responses(method: str, entry: Entry, schemas: Schemas) -> Json:
    done: Json = {
        "description": "Done." if entry.answer is dict else "What was asked for.",
        "content": {entry.media: {"schema": schemas[entry.answer], "example": entry.example}},
    }
    headers = {"Operation-Location": parameters.LOCATION} if entry.is_change else {}
    headers |= parameters.REPLAYED if method != "GET" else {}
    done |= {"headers": headers} if headers else {}
    return {"200": done, **_pending(entry, schemas), **_unready(entry, schemas), **problems.of(method, entry)}


def _pending(entry: Entry, schemas: Schemas) -> Json:
    if not entry.is_change:
        return {}
    headers = {"Operation-Location": parameters.LOCATION | {"required": True}} | parameters.REPLAYED
    content = {JSON: {"schema": schemas[answers.PendingChange], "example": PENDING}}
    return {"202": {"description": "Durable, and not applied yet: it will be.", "headers": headers, "content": content}}


def _unready(entry: Entry, schemas: Schemas) -> Json:
    if entry.answer is not answers.Readiness:
        return {}
    content = {JSON: {"schema": schemas[answers.Readiness], "example": UNREADY}}
    return {"503": {"description": "Not now.", "content": content}}


def _schemas() -> tuple[Schemas, Json]:
    """The schema of every type of the entries, and the components that they point to."""
    types = [answers.Problem, answers.PendingChange, answers.Told]
    types += [each for entry in ENTRIES.values() for each in (entry.body, entry.answer) if each is not None]
    found, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}", schema_hook=lambda _custom: {"description": "Anything."}
    )
    renamed, components = msgspec.json.decode(_plain(msgspec.json.encode([found, components])))
    _merge(components, beside.SAID)
    return dict(zip(types, renamed, strict=True)), components


def _plain(encoded: bytes) -> bytes:
    """api.users.Put as UsersPut: msgspec gives a full name to what has the same name in two modules."""
    return re.sub(
        rb'(["/])api\.(?:\w+\.)?(\w+)\.(\w+)"',
        lambda match: b'%b%b%b"' % (match[1], match[2].title().replace(b"_", b""), match[3]),
        encoded,
    )


def _merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
