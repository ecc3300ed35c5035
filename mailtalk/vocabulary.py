"""The words of the domain, each one an enum whose values are what the tables hold."""

from enum import StrEnum


class Access(StrEnum):
    """Rights of a participant; NONE leaves a frozen view of the past."""

    READ_WRITE = "ReadWrite"
    READ = "Read"
    NONE = "None"


class Notify(StrEnum):
    """Which messages of others a participant is mailed; on the wire true, "MentionsOnly" and false."""

    ALL = "All"
    MENTIONS_ONLY = "MentionsOnly"
    OFF = "Off"


class Frequency(StrEnum):
    """Frequency of mails to a participant: at once, by the app's quiet and cap, or as a digest.

    A participant's DEFAULT is the frequency of the app, whose own DEFAULT is quiet and cap.
    """

    IMMEDIATELY = "immediately"
    DEFAULT = "default"
    HOURLY = "hourly"
    DAILY = "daily"


class SenderPolicy(StrEnum):
    """Check of an inbound mail's sender, per app.

    CAPABILITY: whoever knows the address; MATCH: its From must be an address of the user; AUTHENTICATED: and proven
    by SPF or DKIM, aligned as DMARC asks.
    """

    CAPABILITY = "capability"
    MATCH = "match"
    AUTHENTICATED = "authenticated"


class Sees(StrEnum):
    """Visibility of a conversation for a user: ALL of it, a FROZEN view, or NOTHING."""

    ALL = "all"
    FROZEN = "frozen"
    NOTHING = "nothing"


class ChangeKind(StrEnum):
    """A requested change of participation.

    ADD joins only whom is absent (PUT conversation); DEPART is a leave that keeps the view of the past
    (versions before 2021-07-30); ROTATE gives a new inbound address.
    """

    JOIN = "join"
    ADD = "add"
    UPDATE = "update"
    LEAVE = "leave"
    DEPART = "depart"
    ROTATE = "rotate"


class Actor(StrEnum):
    """Requester of a change: a BACKEND by the API, the PARTICIPANT by a link or a mail, an OPERATOR by the CLI."""

    BACKEND = "backend"
    PARTICIPANT = "participant"
    OPERATOR = "operator"


class Choice(StrEnum):
    """A setting that a participant can choose; a chosen value outlives changes that do not name its field."""

    NOTIFY = "notify"
    MUTE = "mute"
    FREQUENCY = "frequency"


class ChangeStatus(StrEnum):
    """A change's fate: APPLIED had its effect, REJECTED was refused by a rule, FAILED is our fault."""

    PENDING = "pending"
    APPLIED = "applied"
    REJECTED = "rejected"
    FAILED = "failed"


class Origin(StrEnum):
    """Origin of a message."""

    WEB = "web"
    REST = "rest"
    IMPORT = "import"
    EMAIL = "email"


class MessageType(StrEnum):
    """A user's message, or the system's, which has no sender and never notifies."""

    USER = "UserMessage"
    SYSTEM = "SystemMessage"


class Purpose(StrEnum):
    """Purpose of an inbound address; POSTMASTER is required by RFC 5321 4.5.1.

    BOUNCE takes what mail servers say of one delivery of ours: it is that delivery's envelope sender (VERP).
    """

    REPLY = "reply"
    UNSUBSCRIBE = "unsubscribe"
    BOUNCE = "bounce"
    POSTMASTER = "postmaster"


class Outcome(StrEnum):
    """Outcome of an inbound mail; RECEIVED is not yet processed."""

    RECEIVED = "received"
    POSTED = "posted"
    UNSUBSCRIBED = "unsubscribed"
    IGNORED = "ignored"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    FAILED = "failed"


class Verdict(StrEnum):
    """Verdict on an inbound mail, in the order of the checks; only a PERSON's mail becomes a message.

    The first six are of machines. SENDER is not whose address it came to, FLOOD more than people write.
    """

    LOOP = "loop"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto-reply"
    AUTO_GENERATED = "auto-generated"
    LIST = "list"
    POSTMASTER = "postmaster"
    UNREADABLE = "unreadable"
    SENDER = "sender"
    NO_ACCESS = "no-access"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    FLOOD = "flood"
    PERSON = "person"


class NotificationStatus(StrEnum):
    """A participant's notification: OPEN waits to be made into mails, the others are its ends."""

    OPEN = "open"
    MADE = "made"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a participant was not mailed a message; the first that holds, in this order, is the one that stands."""

    LEFT = "left"
    ACCESS_NONE = "access-none"
    NEVER_NOTIFIES = "never-notifies"
    OWN_MESSAGE = "own-message"
    ALREADY_READ = "already-read"
    MUTED = "muted"
    NOTIFY_OFF = "notify-off"
    NOT_MENTIONED = "not-mentioned"
    NO_ADDRESS = "no-address"
    SUPPRESSED = "suppressed"
    NOTHING_LEFT = "nothing-left"
    CONVERSATION_DELETED = "conversation-deleted"
    ERROR = "error"


class DeliveryKind(StrEnum):
    """Kind of an outgoing mail: a notification, or a notice about an inbound mail.

    REJECTION says that it was not taken, and why; CONFIRMATION asks whether it was the participant's.
    """

    NOTIFICATION = "notification"
    REJECTION = "rejection"
    CONFIRMATION = "confirmation"


class Stage(StrEnum):
    """Stage of a delivery, one mail to one address.

    QUEUED → CLAIMED → SENDING → SENT is the way through. DEFERRED waits after a 4xx, FAILED had a 5xx,
    UNKNOWN sent its final dot and lost the answer, HELD did too and is not sent again by itself, CAPTURED was kept
    instead of sent, CANCELLED has a reason.
    """

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"
    CAPTURED = "captured"
    CANCELLED = "cancelled"


class Suspicion(StrEnum):
    """Reason to suppress an address: it is DEAD, its owner COMPLAINED, or mails to it were FAILING too often."""

    DEAD = "dead"
    COMPLAINED = "complained"
    FAILING = "failing"


class EventType(StrEnum):
    """Type of an event."""

    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    MESSAGE_SENT = "message.sent"
    MESSAGE_READ = "message.read"
    MESSAGE_UPDATED = "message.updated"
    MESSAGE_DELETED = "message.deleted"
    MESSAGE_REACTION_UPDATED = "message.reactionUpdated"
    CONVERSATION_DELETED = "conversation.deleted"
    NOTIFICATION_TRIGGERED = "notification.triggered"
    NOTIFICATION_SENT = "notification.sent"
    NOTIFICATION_BOUNCED = "notification.bounced"
    PARTICIPANT_JOINED = "participant.joined"
    PARTICIPANT_UPDATED = "participant.updated"
    PARTICIPANT_LEFT = "participant.left"
    EMAIL_REJECTED = "email.rejected"
    WEBHOOK_TEST = "webhook.test"


class EndpointKind(StrEnum):
    """Kind of a receiver of events: a WEBHOOK, a CHANNEL of another system, or a LISTENER that reads them."""

    WEBHOOK = "webhook"
    CHANNEL = "channel"
    LISTENER = "listener"


class EndpointStatus(StrEnum):
    """Status of an endpoint: PAUSED after failing for long, its events are kept; DISABLED after answering 410 Gone."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
