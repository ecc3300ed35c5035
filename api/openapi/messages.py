"""What is said of messages."""

from api import messages
from api.openapi import answers
from api.openapi.entry import PAGE, Entries, Entry

HELLO = {
    "id": "msg_Zm9yIHRoZSB0ZXN0cw",
    "conversationId": "order_391",
    "type": "UserMessage",
    "senderId": "alice",
    "text": "Do they come in brown, <!!mention:bob|Bob>?",
    "readBy": ["bob"],
    "origin": "email",
    "location": None,
    "attachment": None,
    "custom": {},
    "createdAt": 1_700_000_060_000,
    "editedAt": None,
    "referencedMessageId": None,
}

ENTRIES: Entries = {
    ("POST", "/conversations/{conversationId}/messages"): Entry(
        name="postMessages",
        tag="Messages",
        summary="Send 1 to 10 messages",
        text="Always an array; all are sent or none. A `UserMessage` needs a `sender` who takes part with access "
        "`ReadWrite`; a `SystemMessage` has none and never notifies. Mention somebody by `<!!mention:USER_ID|NAME>`.",
        body=messages.Batch,
        needs_body=True,
        sent=[{"type": "UserMessage", "sender": "alice", "text": "Do they come in brown?"}],
        answer=list[answers.MessageId],
        example=[{"id": "msg_Zm9yIHRoZSB0ZXN0cw"}],
        missing=("CONVERSATION_NOT_FOUND",),
    ),
    ("GET", "/conversations/{conversationId}/messages"): Entry(
        name="listMessages",
        tag="Messages",
        summary="List messages, newest first",
        query=PAGE,
        answer=answers.Messages,
        example={"data": [HELLO]},
        missing=("CONVERSATION_NOT_FOUND", "MESSAGE_NOT_FOUND"),
    ),
}
