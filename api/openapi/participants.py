"""What is said of participants and of the log of their changes."""

from api import participants
from api.openapi import answers
from api.openapi.entry import ID, PAGE, Entries, Entry, query
from mailtalk.vocabulary import Reason

PARTICIPANTS = "/conversations/{conversationId}/participants"
PARTICIPANT = PARTICIPANTS + "/{userId}"
NONE_FOUND = ("CONVERSATION_NOT_FOUND", "PARTICIPANT_NOT_FOUND")
SEEN = {
    "access": "ReadWrite",
    "notify": "MentionsOnly",
    "muteUntil": None,
    "frequency": "default",
    "joinedAt": 1_700_000_000_000,
}
TOLD = {
    "id": "ntf_5",
    "status": "made",
    "reason": None,
    "messageIds": ["msg_Zm9yIHRoZSB0ZXN0cw"],
    "createdAt": 1_700_000_000_000,
    "notBefore": 1_700_000_030_000,
    "endedAt": 1_700_000_030_100,
    "deliveries": [
        {
            "address": "alice@example.com",
            "stage": "sent",
            "reply": "250 2.0.0 OK",
            "attempts": 1,
            "notBefore": 1_700_000_030_100,
            "sentAt": 1_700_000_030_400,
            "bouncedAt": None,
        }
    ],
}
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
        text="Overwrites what was set before: what is missing gets its default (`ReadWrite`, `true`, `default`). Who "
        "joins sees the whole history, also what was written while away. 409 over the app's participant limit.",
        body=participants.Join,
        sent={"access": "ReadWrite", "notify": "MentionsOnly"},
        missing=("CONVERSATION_NOT_FOUND", "USER_NOT_FOUND"),
        is_change=True,
    ),
    ("PATCH", PARTICIPANT): Entry(
        name="updateParticipant",
        tag="Participants",
        summary="Update a participant",
        text="Only what is given changes. `muteUntil` ends by itself; `frequency` says how often to mail. Access "
        "`None` (from version 2021-07-30) keeps a frozen view of what was there at that moment, and nothing new.",
        body=participants.Update,
        sent={"notify": False, "muteUntil": "2030-01-01T09:00:00Z"},
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
        example=SEEN,
        missing=NONE_FOUND,
    ),
    ("GET", PARTICIPANTS): Entry(
        name="listParticipants",
        tag="Participants",
        summary="List participants, newest join first",
        text="Ours, not TalkJS's. Who left or has access `None` is not in it.",
        query=PAGE,
        answer=answers.Members,
        example={"data": [{"id": "alice", **SEEN}]},
        missing=("CONVERSATION_NOT_FOUND",),
    ),
    ("GET", PARTICIPANT + "/notifications"): Entry(
        name="listNotifications",
        tag="Participants",
        summary="List a participant's notifications: why they were mailed, or not",
        text="Ours, not TalkJS's. Newest first, for 30 days. `made` has its mails, `open` waits until `notBefore`, "
        "`cancelled` has its `reason`: "
        + ", ".join(f"`{each}`" for each in Reason if each != Reason.NEVER_NOTIFIES)
        + ".",
        query=PAGE,
        answer=answers.Notifications,
        example={"data": [TOLD]},
        missing=NONE_FOUND,
    ),
    ("POST", PARTICIPANTS): Entry(
        name="changeParticipants",
        tag="Participants",
        summary="Join, update and leave, up to 1,000 at once",
        text="In the order given, with a result for each action: one that fails undoes no other. A malformed action is "
        "a result with status 400, and the answer is 200 all the same.",
        body=answers.Actions,
        needs_body=True,
        sent={
            "actions": [
                {"id": 1, "method": "PUT", "params": {"userId": "alice", "access": "Read"}},
                {"id": 2, "method": "DELETE", "params": {"userId": "nobody"}},
            ]
        },
        answer=answers.Results,
        example={
            "responses": [
                {"id": 1, "status": 200, "changeId": "chg_42"},
                {"id": 2, "status": 404, "errorCode": "USER_NOT_FOUND", "reasons": ["user not found"]},
            ]
        },
        missing=("CONVERSATION_NOT_FOUND",),
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
    ("POST", PARTICIPANT + "/email/rotate"): Entry(
        name="rotateInboundAddress",
        tag="Participants",
        summary="Give a participant a new inbound address",
        text="Ours, not TalkJS's. The old address is refused from then on. There is no body.",
        answer=answers.InboundAddress,
        example={"emailAddress": "b7n2c6m4x5q2v3k7a5s3d6f7g2h4j5@reply.example.com"},
        missing=NONE_FOUND,
        is_change=True,
    ),
    ("GET", "/changes"): Entry(
        name="listChanges",
        tag="Changes",
        summary="List a conversation's changes, newest first",
        text="`appliedSeq` is the order in which they took effect.",
        query=(
            query("conversationId", ID, "Which conversation's.", required=True),
            query("userId", ID, "Only those of this user."),
            *PAGE,
        ),
        answer=answers.Changes,
        example={"data": [JOINED | {"appliedSeq": 7, "access": "ReadWrite", "notify": True}]},
        missing=("CONVERSATION_NOT_FOUND",),
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
