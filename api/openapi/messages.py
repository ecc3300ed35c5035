"""What is said of messages."""

from api import batch, history, messages, read_state
from api.openapi import answers
from api.openapi.entry import ID, PAGE, Entries, Entry, query
from api.wire import Json

HELLO: Json = {
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

CONVERSATION = "/conversations/{conversationId}"
MESSAGE = CONVERSATION + "/messages/{messageId}"
NONE_FOUND = ("CONVERSATION_NOT_FOUND", "MESSAGE_NOT_FOUND")
NOBODY_FOUND = ("CONVERSATION_NOT_FOUND", "USER_NOT_FOUND", "PARTICIPANT_NOT_FOUND")
IDS = [{"id": HELLO["id"]}]

ENTRIES: Entries = {
    ("POST", CONVERSATION + "/messages"): Entry(
        name="postMessages",
        tag="Messages",
        summary="Send 1 to 10 messages",
        text="Always an array; all are sent or none. A `UserMessage` needs a `sender` who takes part with access "
        "`ReadWrite`; a `SystemMessage` has none and never notifies. Each has a text, an "
        "attachment or a location. Mention somebody by `<!!mention:USER_ID|NAME>`.",
        body=messages.Batch,
        needs_body=True,
        sent=[{"type": "UserMessage", "sender": "alice", "text": "Do they come in brown?"}],
        answer=list[answers.MessageId],
        example=IDS,
        missing=("CONVERSATION_NOT_FOUND",),
    ),
    ("GET", CONVERSATION + "/messages"): Entry(
        name="listMessages",
        tag="Messages",
        summary="List messages, newest first",
        query=(*PAGE, query("asUser", ID, "Only what this user may see (ours, not TalkJS's).")),
        answer=answers.Messages,
        example={"data": [HELLO]},
        missing=("CONVERSATION_NOT_FOUND", "PARTICIPANT_NOT_FOUND"),
    ),
    ("GET", MESSAGE): Entry(
        name="getMessage",
        tag="Messages",
        summary="Get a message",
        answer=answers.Message,
        example=HELLO,
        missing=NONE_FOUND,
    ),
    ("PUT", MESSAGE): Entry(
        name="editMessage",
        tag="Messages",
        summary="Edit a message",
        text="`custom` merges key by key. Nobody is notified, and mails that were made stay as they are.",
        body=messages.Edit,
        sent={"text": "Do they come in black?"},
        missing=NONE_FOUND,
    ),
    ("DELETE", MESSAGE): Entry(
        name="deleteMessage",
        tag="Messages",
        summary="Delete a message",
        text="Mails that were made stay as they are.",
        missing=NONE_FOUND,
    ),
    ("POST", CONVERSATION + "/readBy/{userId}"): Entry(
        name="markAllRead",
        tag="Messages",
        summary="Mark a conversation read by a user",
        text="Up to now. There is no body.",
        missing=NOBODY_FOUND,
    ),
    ("PATCH", "/users/{userId}/conversations/{conversationId}"): Entry(
        name="markReadUntil",
        tag="Messages",
        summary="Mark a conversation read up to a moment",
        text="What was created until then is read, and nothing of what came after.",
        body=read_state.Patch,
        sent={"readUntil": 1_700_000_060_000},
        missing=NOBODY_FOUND,
    ),
    ("POST", "/import" + CONVERSATION + "/messages"): Entry(
        name="importMessages",
        tag="Messages",
        summary="Import 1 to 100 messages of another system",
        text="With the times they had there (`timestamp`, not in the future). Nobody is notified. Senders and readers "
        "must be users, not participants.",
        body=history.Batch,
        needs_body=True,
        sent=[
            {
                "type": "UserMessage",
                "sender": "alice",
                "text": "Hello from long ago",
                "timestamp": 1_500_000_000_000,
                "readBy": ["bob"],
            }
        ],
        answer=list[answers.MessageId],
        example=IDS,
        missing=("CONVERSATION_NOT_FOUND",),
    ),
    ("POST", batch.PATH): Entry(
        name="batch",
        tag="Batch",
        summary="Do up to 10 requests in one",
        text="Each is `[seq, method, path, payload, options]`, with the path after `/v1/{appId}`; the payload of a GET "
        "is its query. They are done one after the other, and each has its own `[seq, status, body]` in the answer.",
        body=batch.Batch,
        needs_body=True,
        sent=[
            [1, "PUT", "/users/alice", {"name": "Alice"}],
            [2, "GET", "/users/alice/conversations", {"limit": "1"}, {"api_version": "2021-02-09"}],
        ],
        answer=list[answers.Answered],
        example=[[1, 200, {}], [2, 200, {"data": []}]],
    ),
}
