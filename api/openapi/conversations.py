"""What is said of conversations."""

from api import conversations
from api.openapi import answers
from api.openapi.entry import Entries, Entry
from api.openapi.messages import HELLO

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
    "topicId": None,
}

ENTRIES: Entries = {
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
}
