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
}
