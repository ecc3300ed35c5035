"""Words of the console for values of the vocabulary."""

from collections.abc import Mapping

from mailtalk.vocabulary import Frequency, Notify, Origin, Outcome, SenderPolicy, Stage, Verdict

NOTIFY = {Notify.ALL: "every message", Notify.MENTIONS_ONLY: "when mentioned", Notify.OFF: "never mailed"}
FREQUENCY = {
    Frequency.IMMEDIATELY: "at once",
    Frequency.DEFAULT: "as usual",
    Frequency.HOURLY: "hourly",
    Frequency.DAILY: "daily",
}
APP_FREQUENCY = FREQUENCY | {Frequency.DEFAULT: "when the conversation has been quiet"}
SENDER = {
    SenderPolicy.CAPABILITY: "of anyone who has the reply address",
    SenderPolicy.MATCH: "from an address of the participant",
    SenderPolicy.AUTHENTICATED: "from an address of the participant, proven by SPF or DKIM",
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
    Stage.OUTDATED: "changed while it waited: it is made anew",
}
OUTCOME = {
    Outcome.RECEIVED: "waits for a worker",
    Outcome.POSTED: "became a message",
    Outcome.UNSUBSCRIBED: "ended the participant's mails",
    Outcome.IGNORED: "became no message, and nobody was told",
    Outcome.REFUSED: "not accepted",
    Outcome.QUARANTINED: "held back: nobody has seen it",
    Outcome.FAILED: "failed by our fault; it is kept",
}
VERDICT = {
    Verdict.LOOP: "our own mail came back",
    Verdict.BOUNCE: "a report that a mail of ours was not delivered",
    Verdict.COMPLAINT: "a complaint about a mail of ours, by a mail provider",
    Verdict.AUTO_REPLY: "an automatic answer, such as an absence notice",
    Verdict.AUTO_GENERATED: "written by a program",
    Verdict.LIST: "a mail of a mailing list",
    Verdict.POSTMASTER: "a mail to the operator",
    Verdict.UNREADABLE: "too large, encrypted, or built in a way we cannot read",
    Verdict.SENDER: "not from an address of the participant",
    Verdict.NO_ACCESS: "its participant may not write any more",
    Verdict.EMPTY: "no new text above the quote",
    Verdict.DUPLICATE: "the same mail again",
    Verdict.FLOOD: "more mails, or more of the same text, than people write",
    Verdict.PERSON: "written by a person who may write",
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
    "no-mail": "Bob has no mail yet. Write as Alice, and wait until it is here.",
    "replied": "The bridge answered 250: Bob's mail is on disk, and a worker makes it a message.",
    "replayed": "A worker processes it again, with every check.",
    "released": "A worker posts it in a moment, if its participant may still write.",
    "sent-on": "The relay accepted it: look at it in your mail program.",
    "queued": "Queued again, with the same bytes.",
    "cancelled": "Cancelled. It is not sent.",
    "stays": "Nothing changed: it was sent or is being sent, or its conversation is gone.",
}
