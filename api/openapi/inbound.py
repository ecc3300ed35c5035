"""What is said of inbound mails."""

from api.openapi import answers
from api.openapi.entry import ID, PAGE, Entries, Entry, query
from api.wire import Json
from mailtalk.vocabulary import Outcome

MAIL = "/inbound-mails/{mailId}"
LOST: Json = {
    "id": "mail_12",
    "outcome": "quarantined",
    "verdict": "sender",
    "reason": "from-not-registered",
    "flag": None,
    "purpose": "reply",
    "userId": "alice",
    "conversationId": "order_391",
    "messageId": None,
    "size": 2048,
    "receivedAt": 1_700_000_000_000,
    "processedAt": 1_700_000_000_120,
    "releasedAt": None,
    "canReplay": True,
}
WAITS = LOST | {"outcome": "received", "reason": None, "processedAt": None, "canReplay": False}

ENTRIES: Entries = {
    ("GET", "/inbound-mails"): Entry(
        name="listInboundMails",
        tag="Inbound mail",
        summary="List the mails that came, newest first",
        text="Ours, not TalkJS's. Every mail that was accepted is here, with its outcome, the verdict and the reason; "
        "the address that it came to is a secret and is not shown.",
        query=(
            *PAGE,
            query("outcome", {"enum": list(Outcome)}, "Only those with this outcome."),
            query("conversationId", ID, "Only those to this conversation."),
            query("userId", ID, "Only those to addresses of this user."),
        ),
        answer=answers.InboundMails,
        example={"data": [LOST]},
    ),
    ("GET", MAIL): Entry(
        name="getInboundMail",
        tag="Inbound mail",
        summary="Get a mail that came",
        answer=answers.OneInboundMail,
        example=LOST | {"elided": None, "evidence": {"spf": "fail", "dkim": "none", "arc": "none", "by": None}},
    ),
    ("POST", MAIL + "/replay"): Entry(
        name="replayInboundMail",
        tag="Inbound mail",
        summary="Process a mail again",
        text="From its raw bytes and with every check, as if it came now: after `failed`, `refused`, `quarantined` and "
        "`ignored`. It waits then for a worker. 409 for one that became a message, or whose bytes were purged.",
        answer=answers.InboundMail,
        example=WAITS,
        conflict="InboundConflict",
    ),
    ("POST", MAIL + "/release"): Entry(
        name="releaseInboundMail",
        tag="Inbound mail",
        summary="Let a mail out of quarantine",
        text="It is processed again, and neither its sender nor its likeness to others is asked about; all else is. "
        "409 for one that is not in quarantine, or whose bytes were purged.",
        answer=answers.InboundMail,
        example=WAITS | {"releasedAt": 1_700_000_090_000},
        conflict="InboundConflict",
    ),
}
