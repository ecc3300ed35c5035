"""What many operations have: the ids of their paths, and the headers of requests and answers."""

from api import idempotency, versions
from api.openapi.entry import ID
from api.wire import Json
from mailtalk.ids import CHANGE, MAIL

VISIBLE = "^[!-~¡-¬®-ÿ]([ -~¡-¬®-ÿ]*[!-~¡-¬®-ÿ])?$"  # what is printable and can stand in a header
PATH: dict[str, Json] = {
    "appId": {
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        "description": "Your app.",
        "example": "demo",
    },
    "userId": {"schema": ID, "description": "Your id of the user, percent-encoded.", "example": "alice"},
    "conversationId": {
        "schema": ID,
        "description": "Your id of the conversation, percent-encoded.",
        "example": "order_391",
    },
    "messageId": {"schema": ID, "description": "A message's id.", "example": "msg_Zm9yIHRoZSB0ZXN0cw"},
    "fileId": {
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "description": "A file's id.",
        "example": "2f1c0d9e8b7a46f5a4b3c2d1e0f9a8b7",
    },
    "name": {"schema": ID, "description": "The file's name, percent-encoded.", "example": "plan.pdf"},
    "changeId": {
        "schema": {"type": "string", "pattern": CHANGE.pattern},
        "description": "A change's id.",
        "example": "chg_42",
    },
    "webhookId": {
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        "description": "Your id of the webhook.",
        "example": "main",
    },
    "mailId": {
        "schema": {"type": "string", "pattern": MAIL.pattern},
        "description": "An inbound mail's id.",
        "example": "mail_12",
    },
}
REQUEST: dict[str, Json] = {
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
    "IdempotencyKey": {
        "name": idempotency.HEADER,
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST, "pattern": VISIBLE},
        "description": "A repeat of the request with the same key gets the first answer and has no effect, for a day.",
    },
}
LOCATION: Json = {
    "description": "Where the change can be looked at, also after a 200.",
    "schema": {"type": "string", "format": "uri-reference"},
    "example": "/v1/demo/changes/chg_42",
}
REPLAYED: Json = {
    "Idempotency-Replayed": {
        "description": "This is the answer of an earlier request with the same `Idempotency-Key`.",
        "schema": {"const": "true"},
    }
}
