"""What is said of participants and of the log of their changes."""

from api import participants
from api.openapi import answers
from api.openapi.entry import Entries, Entry

PARTICIPANT = "/conversations/{conversationId}/participants/{userId}"
NONE_FOUND = ("CONVERSATION_NOT_FOUND", "PARTICIPANT_NOT_FOUND")
JOINED = {
    "id": "chg_42",
    "kind": "join",
    "conversationId": "order_391",
    "userId": "alice",
    "status": "applied",
    "requestedAt": 1_700_000_000_000,
    "appliedAt": 1_700_000_000_012,
}

ENTRIES: Entries = {
    ("PUT", PARTICIPANT): Entry(
        name="joinConversation",
        tag="Participants",
        summary="Join: add a participant, or set one anew",
        text="Overwrites what was set before: what is missing gets its default (`ReadWrite`, `true`). Who joins sees "
        "the whole history, also what was written while away. 409 over the app's participant limit.",
        body=participants.Join,
        sent={"access": "ReadWrite", "notify": "MentionsOnly"},
        missing=("CONVERSATION_NOT_FOUND", "USER_NOT_FOUND"),
        is_change=True,
    ),
    ("PATCH", PARTICIPANT): Entry(
        name="updateParticipant",
        tag="Participants",
        summary="Update a participant",
        text='Only what is given changes. Access `"None"` (from version 2021-07-30) keeps a frozen view of what was '
        "there at that moment, and nothing new.",
        body=participants.Update,
        sent={"notify": False},
        missing=NONE_FOUND,
        is_change=True,
    ),
    ("DELETE", PARTICIPANT): Entry(
        name="leaveConversation",
        tag="Participants",
        summary="Leave",
        text="Idempotent: who has left, or never joined, leaves too. From version 2021-07-30 the conversation is gone "
        "from the user's list; before, it stays and is readable up to the leave.",
        missing=("CONVERSATION_NOT_FOUND", "USER_NOT_FOUND"),
        is_change=True,
    ),
    ("GET", PARTICIPANT): Entry(
        name="getParticipant",
        tag="Participants",
        summary="Get a participant",
        text="Ours, not TalkJS's.",
        answer=answers.Participant,
        example={"access": "ReadWrite", "notify": "MentionsOnly", "joinedAt": 1_700_000_000_000},
        missing=NONE_FOUND,
    ),
    ("GET", PARTICIPANT + "/email"): Entry(
        name="getInboundAddress",
        tag="Participants",
        summary="Get a participant's inbound address",
        text="Mail to this address appears as a message of this user in this conversation. It is a credential: show it "
        "to nobody but its owner. There is none while the access is `Read` or `None`; leaving ends it.",
        answer=answers.InboundAddress,
        example={"emailAddress": "k3v7q2m5x4c6n7b2a5s3d6f7g2h4j5@reply.example.com"},
        missing=NONE_FOUND,
    ),
    ("GET", "/changes/{changeId}"): Entry(
        name="getChange",
        tag="Changes",
        summary="Get a change of participation",
        text="Where `Operation-Location` points: whether a join, update or leave has been applied.",
        answer=answers.Change,
        example=JOINED,
    ),
}
