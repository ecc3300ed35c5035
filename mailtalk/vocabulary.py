"""Vocabulary of the domain: enums, whose values are stored in the tables."""

from enum import StrEnum


class Access(StrEnum):
    """Rights of a participant; NONE leaves a frozen view of the past."""

    READ_WRITE = "ReadWrite"
    READ = "Read"
    NONE = "None"


class Notify(StrEnum):
    """Messages of others that are mailed to a participant; on the wire true, "MentionsOnly" and false."""

    ALL = "All"
    MENTIONS_ONLY = "MentionsOnly"
    OFF = "Off"


class Frequency(StrEnum):
    """Frequency of mails to a participant: immediate, by the app's quiet and cap, or as a digest.

    A participant's DEFAULT is the frequency of the app, whose own DEFAULT is quiet and cap.
    """

    IMMEDIATELY = "immediately"
    DEFAULT = "default"
    HOURLY = "hourly"
    DAILY = "daily"


class SenderPolicy(StrEnum):
    """Check of an inbound mail's sender, per app.

    CAPABILITY: anyone who knows the address; MATCH: From must be a registered address of the user; AUTHENTICATED: it
    must also be proven by SPF or DKIM, aligned as in DMARC.
    """

    CAPABILITY = "capability"
    MATCH = "match"
    AUTHENTICATED = "authenticated"


class SenderAnswer(StrEnum):
    """Answer to "was this you?": post the mail, post it and accept its sender from now on, or refuse it."""

    POST = "post"
    ALWAYS = "always"
    REJECT = "reject"


class Sees(StrEnum):
    """Visibility of a conversation for a user: ALL of it, a FROZEN view, or NOTHING."""

    ALL = "all"
    FROZEN = "frozen"
    NOTHING = "nothing"


class ChangeKind(StrEnum):
    """A requested change of participation.

    ADD joins only absent users (PUT conversation); DEPART is a leave that keeps the view of the past
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
    """Status of a change: APPLIED took effect, REJECTED was refused by a rule, FAILED is our fault."""

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
    """Type of a message: a user's, or the system's, which has no sender and never notifies."""

    USER = "UserMessage"
    SYSTEM = "SystemMessage"


class Purpose(StrEnum):
    """Purpose of an inbound address; POSTMASTER is required by RFC 5321 4.5.1.

    DIGEST is the Reply-To of a digest. BOUNCE receives reports about one delivery of ours: it is that delivery's
    envelope sender (VERP).
    """

    REPLY = "reply"
    UNSUBSCRIBE = "unsubscribe"
    DIGEST = "digest"
    BOUNCE = "bounce"
    POSTMASTER = "postmaster"


class Outcome(StrEnum):
    """Outcome of an inbound mail; RECEIVED is not processed yet."""

    RECEIVED = "received"
    POSTED = "posted"
    UNSUBSCRIBED = "unsubscribed"
    IGNORED = "ignored"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    FAILED = "failed"


class Verdict(StrEnum):
    """Verdict on an inbound mail, in the order of the checks; only a PERSON's mail becomes a message.

    The first six are for machines. SENDER: not the participant's mail; AMBIGUOUS: answers a digest, and names no
    single conversation; FLOOD: more mails than people write.
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
    AMBIGUOUS = "ambiguous"
    NO_ACCESS = "no-access"
    EMPTY = "empty"
    DUPLICATE = "duplicate"
    FLOOD = "flood"
    PERSON = "person"


class NotificationStatus(StrEnum):
    """Status of a participant's notification: OPEN is not built into mails yet, the others are final."""

    OPEN = "open"
    MADE = "made"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Reason for not mailing a message to a participant; the first that holds, in this order, is recorded."""

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

    DIGEST: notifications of several conversations in one mail. REJECTION says that it was not accepted, and why;
    CONFIRMATION asks whether the participant sent it.
    """

    NOTIFICATION = "notification"
    DIGEST = "digest"
    REJECTION = "rejection"
    CONFIRMATION = "confirmation"


class Stage(StrEnum):
    """Stage of a delivery, one mail to one address.

    The regular order is QUEUED → CLAIMED → SENDING → SENT. DEFERRED: waits after a 4xx; FAILED: got a 5xx;
    UNKNOWN: the reply to its final dot was lost; HELD: the same, but not sent again automatically; CAPTURED: stored
    instead of sent; CANCELLED: not sent, for a reason; OUTDATED: to be made anew, since it changed while it waited.
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
    OUTDATED = "outdated"


class MailChange(StrEnum):
    """Change since a waiting mail was made: of its messages, of its reader's address, or of its Reply-To."""

    MESSAGES = "messages-changed"
    ADDRESS = "address-changed"
    REPLY_ADDRESS = "reply-address-changed"


MADE_ANEW = "made anew: "  # before the change, in a delivery that was cancelled since another took its place


class QueueName(StrEnum):
    """Queues of work, from a request to the mails and webhooks that it causes.

    WINDOWS: open windows of conversations; NOTIFICATIONS: open ones; WEBHOOKS: new events, and their deliveries.
    """

    CHANGES = "changes"
    INBOUND = "inbound"
    WINDOWS = "windows"
    NOTIFICATIONS = "notifications"
    DELIVERIES = "deliveries"
    WEBHOOKS = "webhooks"


class Suspicion(StrEnum):
    """Reason to suppress an address: it is DEAD, its owner COMPLAINED, or mails to it kept FAILING."""

    DEAD = "dead"
    COMPLAINED = "complained"
    FAILING = "failing"


class EventType(StrEnum):
    """Type of an event."""

    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_DELETED = "user.deleted"
    MESSAGE_SENT = "message.sent"
    MESSAGE_READ = "message.read"
    MESSAGE_UPDATED = "message.updated"
    MESSAGE_DELETED = "message.deleted"
    MESSAGE_REACTION_UPDATED = "message.reactionUpdated"
    CONVERSATION_DELETED = "conversation.deleted"
    NOTIFICATION_TRIGGERED = "notification.triggered"
    NOTIFICATION_SENT = "notification.sent"
    NOTIFICATION_BOUNCED = "notification.bounced"
    NOTIFICATION_CANCELLED = "notification.cancelled"
    PARTICIPANT_JOINED = "participant.joined"
    PARTICIPANT_UPDATED = "participant.updated"
    PARTICIPANT_LEFT = "participant.left"
    EMAIL_REJECTED = "email.rejected"
    WEBHOOK_TEST = "webhook.test"


class EndpointKind(StrEnum):
    """Kind of endpoint for events: a WEBHOOK, a CHANNEL of another system, or a LISTENER that reads them."""

    WEBHOOK = "webhook"
    CHANNEL = "channel"
    LISTENER = "listener"


class EndpointStatus(StrEnum):
    """Status of an endpoint: PAUSED after failing for long, its events are kept; DISABLED after answering 410 Gone."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
