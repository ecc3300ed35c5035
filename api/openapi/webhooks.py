"""What is said of webhooks: the operations, and the requests that receivers get."""

from typing import Any

from api import webhooks
from api.openapi import answers
from api.openapi.conversations import ORDER
from api.openapi.entry import JSON, PAGE, Entries, Entry, query
from api.openapi.messages import HELLO
from api.openapi.users import ALICE
from api.wire import Json
from mailtalk.vocabulary import EventType

WEBHOOK = "/webhooks/{webhookId}"
MAIN: Json = {
    "id": "main",
    "url": "https://example.com/mailtalk",
    "events": ["message.sent", "message.read"],
    "ordered": False,
    "status": "active",
    "reason": None,
    "failingSince": None,
    "secretSince": 1_700_000_000_000,
    "createdAt": 1_700_000_000_000,
}
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105  an example
DELIVERY: Json = {
    "id": "dlv_7",
    "eventId": "evt_42",
    "type": "message.sent",
    "conversationId": "order_391",
    "sequence": 3,
    "stage": "sent",
    "attempts": 1,
    "status": 200,
    "reply": None,
    "createdAt": 1_700_000_060_000,
    "triedAt": 1_700_000_060_100,
    "nextTryAt": None,
    "endedAt": 1_700_000_060_100,
}

ENTRIES: Entries = {
    ("GET", "/webhooks"): Entry(
        name="listWebhooks",
        tag="Webhooks",
        summary="List webhooks",
        answer=answers.Webhooks,
        example={"data": [MAIN]},
    ),
    ("PUT", WEBHOOK): Entry(
        name="putWebhook",
        tag="Webhooks",
        summary="Create or change a webhook",
        text="The URL is https at port 443 or 8443 and leads to public addresses, unless the operator allows more. "
        "Without `events`, or with null, it is told of all. A secret that was made is in this answer only. "
        "One that was paused or disabled is told again, also what it missed while it was paused.",
        body=webhooks.Put,
        needs_body=True,
        sent={"url": MAIN["url"], "events": MAIN["events"]},
        answer=answers.MadeWebhook,
        example=MAIN | {"secret": SECRET},
    ),
    ("GET", WEBHOOK): Entry(
        name="getWebhook",
        tag="Webhooks",
        summary="Get a webhook",
        text="`paused`: it failed for three days; what it is to be told is kept. `disabled`: it answered 410.",
        answer=answers.Webhook,
        example=MAIN,
    ),
    ("DELETE", WEBHOOK): Entry(name="deleteWebhook", tag="Webhooks", summary="Delete a webhook"),
    ("POST", WEBHOOK + "/rotate-secret"): Entry(
        name="rotateWebhookSecret",
        tag="Webhooks",
        summary="Give a webhook a new secret",
        text="It is in this answer only. For a day the one before signs too, in `webhook-signature`.",
        answer=answers.MadeWebhook,
        example=MAIN | {"secret": SECRET},
    ),
    ("GET", WEBHOOK + "/deliveries"): Entry(
        name="listDeliveries",
        tag="Webhooks",
        summary="List deliveries of a webhook, newest first",
        query=(*PAGE, query("stage", {"enum": list(webhooks.STAGES)}, "Only those of this stage.")),
        answer=answers.WebhookDeliveries,
        example={"data": [DELIVERY]},
    ),
    ("POST", WEBHOOK + "/replay"): Entry(
        name="replayEvents",
        tag="Webhooks",
        summary="Replay events to a webhook",
        text="All that it wants of a time (`from`, `to`, in milliseconds), or the events with these ids, in their "
        "order, with the ids and bodies they had. At most 10,000 at once.",
        body=webhooks.Replay,
        needs_body=True,
        sent={"from": 1_700_000_000_000, "to": 1_700_003_600_000},
        answer=answers.Replayed,
        example={"count": 12},
    ),
    ("POST", WEBHOOK + "/test"): Entry(
        name="testWebhook",
        tag="Webhooks",
        summary="Send a test event",
        text="An event of type `webhook.test`; the deliveries say how it went.",
        answer=answers.Tested,
        example={"eventId": "evt_43"},
    ),
}

PLACE: Json = {name: value for name, value in ORDER.items() if name != "lastMessage"}
APART: Json = {name: value for name, value in PLACE.items() if name != "participants"}
BOB: Json = ALICE | {"id": "bob", "name": "Bob", "email": ["bob@example.com"]}
SAID: Json = {"conversation": PLACE, "message": HELLO, "sender": ALICE}
PART: Json = {
    "conversation": APART,
    "user": BOB,
    "participant": {"access": "ReadWrite", "notify": True, "frequency": "default", "muteUntil": None},
}
MAIL: Json = {
    "notificationId": "ntf_5",
    "recipient": BOB,
    "sender": ALICE,
    "conversation": APART,
    "messages": [HELLO],
}
SENT: Json = {
    "notificationId": "ntf_5",
    "recipient": {"id": "bob"},
    "conversationId": ORDER["id"],
    "deliveryId": "0b5c1f0e-6f0c-4a53-9d43-5c1f2a7be1a4",
}
BOUNCED: Json = SENT | {"address": "bob@example.com", "bounce": "hard", "status": "5.1.1"}
REFUSED: Json = {
    "inboundMailId": "mail_12",
    "userId": "bob",
    "conversationId": ORDER["id"],
    "outcome": "refused",
    "verdict": "no-access",
    "reason": "left",
    "receivedAt": 1_700_000_060_000,
}
# What happened, and an example of its `data`.
EVENTS: dict[EventType, tuple[str, Json]] = {
    EventType.USER_CREATED: ("A user was created.", {"user": ALICE}),
    EventType.USER_UPDATED: ("A user was changed.", {"user": ALICE}),
    EventType.MESSAGE_SENT: ("A message was sent, by API or by mail; imported ones are not told.", SAID),
    EventType.MESSAGE_READ: ("`recipient` has read a message of somebody else's.", SAID | {"recipient": BOB}),
    EventType.MESSAGE_UPDATED: ("A message was edited.", SAID),
    EventType.MESSAGE_DELETED: ("A message was deleted; this is how it was.", SAID),
    EventType.CONVERSATION_DELETED: ("A conversation was deleted with all its messages.", {"conversation": PLACE}),
    EventType.PARTICIPANT_JOINED: ("Somebody joined, or joined again.", PART),
    EventType.PARTICIPANT_UPDATED: ("Somebody's access, notify or mute was changed.", PART),
    EventType.PARTICIPANT_LEFT: ("Somebody left, or has access `None`.", PART),
    EventType.NOTIFICATION_TRIGGERED: ("Somebody is to be notified, also who has no address.", MAIL),
    EventType.NOTIFICATION_SENT: ("The relay took a notification's mail.", SENT),
    EventType.NOTIFICATION_BOUNCED: ("A notification's mail did not arrive.", BOUNCED),
    EventType.EMAIL_REJECTED: ("A mail that came in became no message, or not yet.", REFUSED),
    EventType.WEBHOOK_TEST: ("A test that somebody asked for.", {"text": "This is a test."}),
}


def described(schemas: dict[Any, Json]) -> Json:
    """The `webhooks` section: one request for each type of event."""
    return {kind: {"post": _request(kind, text, data, schemas)} for kind, (text, data) in EVENTS.items()}


def _request(kind: EventType, text: str, data: Json, schemas: dict[Any, Json]) -> Json:
    has_place = not data.keys().isdisjoint({"conversation", "conversationId"})
    said = {
        "id": "evt_42",
        "type": kind,
        "createdAt": 1_700_000_060_000,
        "data": data,
        "conversationId": PLACE["id"] if has_place else None,
        "sequence": 3 if has_place else None,
    }
    content = {"schema": schemas[answers.Told], "example": said}
    return {
        "operationId": f"tell{''.join(word.title() for word in kind.split('.'))}",
        "summary": text,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in SIGNED],
        "requestBody": {"required": True, "content": {JSON: content}},
        "responses": {"2XX": {"description": "Taken; any other answer, or none in 5 s, and it is told again."}},
        "security": [],
    }


def _header(name: str, text: str, example: str) -> Json:
    return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": text} | {
        "example": example
    }


SIGNED: dict[str, Json] = {
    "WebhookId": _header("webhook-id", "The event's id; the same at every try.", "evt_42"),
    "WebhookTimestamp": _header("webhook-timestamp", "When this try was made, in seconds.", "1700000060"),
    "WebhookSignature": _header(
        "webhook-signature",
        "Standard Webhooks: `v1,` and Base64 of HMAC-SHA256 over `id.timestamp.body`; two, by a space, for a day after "
        "the secret was changed.",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    "TalkTimestamp": _header("X-TalkJS-Timestamp", "When this try was made, in milliseconds.", "1700000060000"),
    "TalkSignature": _header(
        "X-TalkJS-Signature",
        "Upper-case hex of HMAC-SHA256 over `timestamp.body`.",
        "6F7219061FB642C7F17CB3C573C420B6BC77B937868943C8FD5921126D212537",
    ),
}
