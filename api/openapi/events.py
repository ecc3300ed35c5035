"""`webhooks` section of the document: the requests to receivers, one for each type of event."""

from typing import Any

from api.openapi import examples
from api.openapi.example_values import ALICE, HELLO, ORDER, T1
from api.schemas.webhooks import Event
from api.wire import Json
from mailtalk.vocabulary import EventType

CONVERSATION = examples.without(examples.plain(ORDER), "lastMessage", "everyoneReadUntil")
BOB: Json = examples.plain(ALICE) | {"id": "bob", "name": "Bob", "email": ["bob@example.com"]}
ERASED: Json = dict.fromkeys(BOB) | {
    "id": "bob",
    "name": "Deleted user",
    "custom": {},
    "pushTokens": {},
    "createdAt": T1,
}
MESSAGE: Json = {"conversation": CONVERSATION, "message": examples.plain(HELLO), "sender": examples.plain(ALICE)}
PARTICIPANT: Json = {
    "conversation": CONVERSATION,
    "user": BOB,
    "participant": {"access": "ReadWrite", "notify": True, "frequency": "default", "muteUntil": None},
    "by": "backend",
}
NOTIFICATION: Json = {
    "notificationId": "ntf_5",
    "recipient": BOB,
    "sender": MESSAGE["sender"],
    "conversation": CONVERSATION,
    "messages": [MESSAGE["message"]],
}
SENT: Json = {
    "notificationId": "ntf_5",
    "recipient": {"id": "bob"},
    "conversationId": ORDER.id,
    "deliveryId": "0b5c1f0e-6f0c-4a53-9d43-5c1f2a7be1a4",
}
BOUNCED: Json = SENT | {"address": "bob@example.com", "bounce": "hard", "status": "5.1.1"}
REJECTED: Json = {
    "inboundMailId": "mail_12",
    "userId": "bob",
    "conversationId": ORDER.id,
    "outcome": "refused",
    "verdict": "no-access",
    "reason": "left",
    "receivedAt": T1,
}
# Each event's summary, and an example of its `data`.
EVENTS: dict[EventType, tuple[str, Json]] = {
    EventType.USER_CREATED: ("A user was created.", {"user": MESSAGE["sender"]}),
    EventType.USER_UPDATED: ("A user was changed.", {"user": MESSAGE["sender"]}),
    EventType.USER_DELETED: (
        "A user was erased: `mode` says what became of their messages.",
        {"user": ERASED, "mode": "anonymise", "by": "backend"},
    ),
    EventType.MESSAGE_SENT: ("A message was sent, by API or by mail. Imports send no events.", MESSAGE),
    EventType.MESSAGE_READ: ("`recipient` has read a message of someone else.", MESSAGE | {"recipient": BOB}),
    EventType.MESSAGE_UPDATED: ("A message was edited.", MESSAGE),
    EventType.MESSAGE_DELETED: ("A message was deleted; this is how it was.", MESSAGE),
    EventType.MESSAGE_REACTION_UPDATED: (
        "A reaction was added or removed.",
        MESSAGE | {"reaction": {"emoji": "👍", "userId": "bob", "added": True}},
    ),
    EventType.CONVERSATION_DELETED: (
        "A conversation was deleted with all its messages.",
        {"conversation": CONVERSATION},
    ),
    EventType.PARTICIPANT_JOINED: ("A user joined, or joined again.", PARTICIPANT),
    EventType.PARTICIPANT_UPDATED: ("A participant's access, notify, mute or frequency was changed.", PARTICIPANT),
    EventType.PARTICIPANT_LEFT: ("A participant left, or has access `None`.", PARTICIPANT),
    EventType.NOTIFICATION_TRIGGERED: ("A participant is notified, also without a mail address.", NOTIFICATION),
    EventType.NOTIFICATION_SENT: ("The relay took a notification's mail.", SENT),
    EventType.NOTIFICATION_BOUNCED: ("A notification's mail did not arrive.", BOUNCED),
    EventType.NOTIFICATION_CANCELLED: (
        "A notification's mail that waited was not sent: its reason was gone, or its reader.",
        SENT | {"address": "bob@example.com", "reason": "already-read"},
    ),
    EventType.EMAIL_REJECTED: ("An inbound mail became no message, or not yet.", REJECTED),
    EventType.WEBHOOK_TEST: ("A test event.", {"text": "This is a test."}),
}


def _header(name: str, text: str, example: str) -> Json:
    header: Json = {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
    return header | {"description": text, "example": example}


SIGNATURES: dict[str, Json] = {
    "WebhookId": _header("webhook-id", "The event's id; the same at every try.", "evt_42"),
    "WebhookTimestamp": _header("webhook-timestamp", "The time of this try, in seconds.", "1700000060"),
    "WebhookSignature": _header(
        "webhook-signature",
        "Standard Webhooks: `v1,` and Base64 of HMAC-SHA256 over `id.timestamp.body`; two, by a space, for a day after "
        "the secret was changed.",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    "TalkTimestamp": _header("X-TalkJS-Timestamp", "The time of this try, in milliseconds.", "1700000060000"),
    "TalkSignature": _header(
        "X-TalkJS-Signature",
        "Upper-case hex of HMAC-SHA256 over `timestamp.body`.",
        "6F7219061FB642C7F17CB3C573C420B6BC77B937868943C8FD5921126D212537",
    ),
}


def section(schemas: dict[Any, Json]) -> Json:
    """Make the section."""
    return {kind: {"post": _request(kind, text, data, schemas)} for kind, (text, data) in EVENTS.items()}


def _request(kind: EventType, text: str, data: Json, schemas: dict[Any, Json]) -> Json:
    of_conversation = not data.keys().isdisjoint({"conversation", "conversationId"})
    event = {
        "id": "evt_42",
        "type": kind,
        "createdAt": T1,
        "data": data,
        "conversationId": ORDER.id if of_conversation else None,
        "sequence": 3 if of_conversation else None,
    }
    content = {"application/json": {"schema": schemas[Event], "example": event}}
    return {
        "operationId": f"send{''.join(word.title() for word in kind.split('.'))}",
        "summary": text,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in SIGNATURES],
        "requestBody": {"required": True, "content": content},
        "responses": {"2XX": {"description": "Received. After any other answer, or none in 5 s, it is sent again."}},
        "security": [],
    }
