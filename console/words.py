"""Words of the console for values of the vocabulary."""

from collections.abc import Mapping

from mailtalk.vocabulary import Frequency, Notify, Origin, Outcome, Stage

NOTIFY = {Notify.ALL: "every message", Notify.MENTIONS_ONLY: "when mentioned", Notify.OFF: "never mailed"}
FREQUENCY = {
    Frequency.IMMEDIATELY: "at once",
    Frequency.DEFAULT: "as usual",
    Frequency.HOURLY: "hourly",
    Frequency.DAILY: "daily",
}
ORIGIN = {Origin.WEB: "web", Origin.REST: "API", Origin.IMPORT: "import", Origin.EMAIL: "mail"}
STAGE = {
    Stage.QUEUED: "waits to be sent",
    Stage.CLAIMED: "about to be sent",
    Stage.SENDING: "being sent",
    Stage.SENT: "accepted by the relay",
    Stage.DEFERRED: "put off by the relay, tried again",
    Stage.FAILED: "refused by the relay",
    Stage.UNKNOWN: "perhaps sent: the answer was lost, tried again",
    Stage.HELD: "perhaps sent: the answer was lost, waits for a decision",
    Stage.CAPTURED: "captured, since no relay is set",
    Stage.CANCELLED: "cancelled",
}
GOOD, WAIT, BAD = "good", "wait", "bad"
TONES: Mapping[str, str] = {
    **dict.fromkeys((Stage.SENT, Stage.CAPTURED, Outcome.POSTED, "applied", "active", "delivered"), GOOD),
    **dict.fromkeys((Stage.QUEUED, Stage.CLAIMED, Stage.SENDING, Stage.DEFERRED, Stage.UNKNOWN, Stage.HELD), WAIT),
    **dict.fromkeys((Outcome.RECEIVED, Outcome.QUARANTINED, "pending", "open", "paused"), WAIT),
    **dict.fromkeys((Outcome.FAILED, Outcome.REFUSED, "rejected", "disabled", "bounced"), BAD),
}
SAID = {
    "done": "Done.",
    "later": "Accepted. A worker will apply it in a moment.",
    "read": "Marked as read.",
    "written": "Alice's message is posted. Bob is mailed when the conversation has been quiet for a moment.",
    "replied": "The bridge answered 250: Bob's mail is on disk. It becomes a message in a moment.",
    "queued": "Queued again, with the same bytes.",
    "cancelled": "Cancelled. It is not sent.",
    "stays": "Nothing changed: it was sent or is being sent, or its conversation is gone.",
}
