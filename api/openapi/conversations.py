"""What is said of conversations."""

from api import conversations, listing
from api.openapi import answers
from api.openapi.beside import MILLIS
from api.openapi.entry import JSON, PAGE, Entries, Entry, query
from api.openapi.messages import HELLO
from api.wire import Json
from mailtalk.conversations.visibility import OPERATORS

ORDER = {
    "id": "order_391",
    "subject": "Black leather boots",
    "photoUrl": None,
    "welcomeMessages": ["Hello there!"],
    "custom": {"productId": "454545"},
    "lastMessage": HELLO,
    "participants": {
        "alice": {"access": "ReadWrite", "notify": True},
        "bob": {"access": "Read", "notify": "MentionsOnly"},
    },
    "createdAt": 1_700_000_000_000,
    "topicId": "order_391",
}

TEXTS: Json = {"type": "array", "items": {"type": "string"}}
PREDICATE: Json = {
    "anyOf": [
        {"type": "string", "description": 'The value, or "exists" or "!exists".'},
        {
            "type": "array",
            "prefixItems": [{"enum": list(OPERATORS)}, {"anyOf": [{"type": "string"}, TEXTS]}],
            "items": False,
            "minItems": 2,
        },
    ]
}
FILTER: Json = {
    "type": "object",
    "properties": {
        "custom": {"type": "object", "additionalProperties": PREDICATE},
        "lastMessageTs": {
            "type": "array",
            "prefixItems": [{"enum": ["<", ">"]}, MILLIS],
            "items": False,
            "minItems": 2,
        },
    },
    "additionalProperties": False,
}
LISTING: tuple[Json, ...] = (
    *PAGE,
    query("orderBy", {"enum": list(listing.ORDERS)}, "By what, from version 2021-02-09; before: `createdAt`."),
    query("orderDirection", {"enum": ["DESC", "ASC"]}, "Newest or oldest first, from version 2021-02-09."),
    query("offsetTs", MILLIS, "Those that come after this moment in the order, from version 2021-02-09."),
    query("lastMessageBefore", MILLIS, "Those whose last message is older."),
    query("lastMessageAfter", MILLIS, "Those whose last message is newer."),
    {
        "name": "filter",
        "in": "query",
        "content": {JSON: {"schema": FILTER}},
        "description": 'By custom values and last message: `{"custom": {"category": ["oneOf", ["shoes", "boots"]]}}`.',
    },
)

ENTRIES: Entries = {
    ("GET", "/conversations"): Entry(
        name="listConversations",
        tag="Conversations",
        summary="List conversations",
        query=LISTING,
        answer=answers.Conversations,
        example={"data": [ORDER]},
    ),
    ("GET", "/users/{userId}/conversations"): Entry(
        name="listUserConversations",
        tag="Conversations",
        summary="List a user's conversations",
        text="Each as this user may see it: frozen when their access is `None`, or when they left by a version before "
        "2021-07-30. A user who is not known has an empty list before version 2024-01-01, and is a 404 since.",
        query=(*LISTING, query("unreadsOnly", {"enum": ["false", "true"]}, "Only those with unread messages.")),
        answer=answers.UserConversations,
        example={"data": [ORDER | {"unreadMessageCount": 1, "isUnread": True}]},
        missing=("USER_NOT_FOUND",),
    ),
    ("PUT", "/conversations/{conversationId}"): Entry(
        name="putConversation",
        tag="Conversations",
        summary="Create or update a conversation",
        text="What is given is merged: null clears a field, and what is missing stays. `participants` joins those who "
        "are absent, with the defaults; it overwrites nobody and removes nobody.",
        body=conversations.Put,
        sent={"subject": "Black leather boots", "participants": ["alice", "bob"]},
        missing=("USER_NOT_FOUND",),
        is_change=True,
    ),
    ("GET", "/conversations/{conversationId}"): Entry(
        name="getConversation",
        tag="Conversations",
        summary="Get a conversation",
        answer=answers.Conversation,
        example=ORDER,
        missing=("CONVERSATION_NOT_FOUND",),
    ),
    ("DELETE", "/conversations/{conversationId}"): Entry(
        name="deleteConversation",
        tag="Conversations",
        summary="Delete a conversation",
        text="And all that is in it, for good: its messages, participants and inbound addresses.",
        missing=("CONVERSATION_NOT_FOUND",),
    ),
}
