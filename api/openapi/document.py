"""The OpenAPI 3.1 document, made of the entries and of msgspec's schemas of the bodies."""

import re
from importlib.metadata import version
from typing import Any

import msgspec

from api import versions
from api.openapi import answers, conversations, health, messages, participants, problems, users
from api.openapi.entry import ID, JSON, Entries, Entry
from api.users import NAME_LENGTH
from api.wire import Json

APP = "/v1/{appId}"
ENTRIES: Entries = {
    **users.ENTRIES,
    **conversations.ENTRIES,
    **participants.ENTRIES,
    **messages.ENTRIES,
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
    "Messages": "What was said, newest first.",
    "Batch": "Many operations in one request.",
    "Operations": "What belongs to no app and needs no credential.",
}
PATH_IDS: dict[str, Json] = {
    "appId": {"schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "description": "Your app."},
    "userId": {"schema": ID, "description": "Your id of the user, percent-encoded."},
    "conversationId": {"schema": ID, "description": "Your id of the conversation, percent-encoded."},
    "changeId": {"schema": {"type": "string", "pattern": "^chg_[0-9]{1,18}$"}, "description": "A change's id."},
    "messageId": {"schema": ID, "description": "A message's id."},
}
EXAMPLES = {
    "appId": "demo",
    "userId": "alice",
    "conversationId": "order_391",
    "changeId": "chg_42",
    "messageId": "msg_Zm9yIHRoZSB0ZXN0cw",
}
HEADERS: dict[str, Json] = {
    "Version": {
        "name": versions.HEADER,
        "in": "header",
        "schema": {"enum": list(versions.VERSIONS)},
        "description": "The version of the contract; without it, the app's own default.",
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string"},
        "description": "RFC 7240: `respond-async` answers 202 at once, `wait=N` waits N seconds at most (up to 60).",
        "example": "wait=10",
    },
}
LOCATION: Json = {
    "description": "Where the change can be looked at, also after a 200.",
    "schema": {"type": "string", "format": "uri-reference"},
    "example": "/v1/demo/changes/chg_42",
}
MAILBOX: Json = {"type": "string", "format": "email"}
# What a Struct cannot say of a body.
SAID_BESIDE: dict[str, Json] = {
    "UsersPut": {
        "properties": {
            "name": {"minLength": 1, "maxLength": NAME_LENGTH, "pattern": r"\S"},
            "email": {"anyOf": [MAILBOX, {"type": "array", "items": MAILBOX}, {"type": "null"}]},
        }
    },
    "ConversationsPut": {"properties": {"participants": {"items": ID}}},
    "New": {
        "anyOf": [
            {"properties": {"type": {"const": "UserMessage"}, "sender": ID}, "required": ["sender"]},
            {"properties": {"type": {"const": "SystemMessage"}}},
        ]
    },
}


def document() -> Json:
    """The document; the same for every app and every installation."""
    schemas, components = _schemas()
    paths: dict[str, Json] = {}
    for (method, path), entry in ENTRIES.items():
        paths.setdefault(_full(path, entry), {})[method.lower()] = _operation(path, entry, schemas)
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
        "components": {
            "securitySchemes": {"credential": _CREDENTIAL},
            "parameters": HEADERS,
            "responses": problems.components(),
            "schemas": components,
        },
    }


_CREDENTIAL: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": 'A JWT signed with the app\'s secret (HS256; `tokenType: "app"`, `iss`: the app\'s id, `exp`), or the '
    "secret itself.",
}


def _full(path: str, entry: Entry) -> str:
    return path if entry.is_open else APP + path


def _operation(path: str, entry: Entry, schemas: dict[Any, Json]) -> Json:
    operation: Json = {
        "operationId": entry.name,
        "tags": [entry.tag],
        "summary": entry.summary,
        **({"description": entry.text} if entry.text else {}),
        "parameters": _parameters(path, entry),
        "responses": dict(sorted(_responses(entry, schemas).items())),
    }
    if entry.body is not None:
        operation["requestBody"] = {
            "required": entry.needs_body,
            "content": {JSON: {"schema": schemas[entry.body] | entry.beside, "example": entry.sent}},
        }
    return operation | ({"security": []} if entry.is_open else {})


def _parameters(path: str, entry: Entry) -> list[Json]:
    names = re.findall(r"{(\w+)}", _full(path, entry))
    ids = [{"name": name, "in": "path", "required": True, **PATH_IDS[name], "example": EXAMPLES[name]} for name in names]
    headers = () if entry.is_open else ("Version", *(["Prefer"] if entry.is_change else []), *entry.headers)
    return [*ids, *entry.query, *({"$ref": f"#/components/parameters/{name}"} for name in headers)]


def _responses(entry: Entry, schemas: dict[Any, Json]) -> Json:
    content = {entry.media: {"schema": schemas[entry.answer], "example": entry.example}}
    done: Json = {"description": "Done." if entry.answer is dict else "What was asked for.", "content": content}
    if not entry.is_change:
        return {"200": done, **_unready(entry, schemas), **problems.of(entry)}
    pending: Json = {
        "description": "Durable, and not applied yet: it will be.",
        "headers": {"Operation-Location": LOCATION | {"required": True}},
        "content": {JSON: {"schema": schemas[answers.PendingChange], "example": _PENDING}},
    }
    return {"200": done | {"headers": {"Operation-Location": LOCATION}}, "202": pending, **problems.of(entry)}


def _unready(entry: Entry, schemas: dict[Any, Json]) -> Json:
    if entry.answer is not answers.Readiness:
        return {}
    example = {"status": "unready", "database": "ok", "worker": "away", "broker": "ok", "missing": ["worker"]}
    content = {JSON: {"schema": schemas[answers.Readiness], "example": example}}
    return {"503": {"description": "Not now.", "content": content}}


_PENDING = {"id": "chg_42", "kind": "join", "status": "pending", "requestedAt": 1_700_000_000_000, "appliedAt": None}


def _schemas() -> tuple[dict[Any, Json], Json]:
    """The schema of every type of the entries, and the components that they point to."""
    types = [answers.Problem, answers.PendingChange]
    types += [each for entry in ENTRIES.values() for each in (entry.body, entry.answer) if each is not None]
    found, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    # Two modules have a Put each; msgspec calls them by their full names then.
    text = re.sub(
        rb'(["/])api\.(?:\w+\.)?(\w+)\.(\w+)"',
        lambda match: b'%b%b%b"' % (match[1], match[2].title(), match[3]),
        msgspec.json.encode([found, components]),
    )
    renamed, components = msgspec.json.decode(text)
    _merge(components, SAID_BESIDE)
    return dict(zip(types, renamed, strict=True)), components


def _merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
