"""Tables. Every key starts with the app; everything requested is first stored as a row with a status."""

from mailtalk.models.base import Base
from mailtalk.models.events import Event, EventCount, Webhook, WebhookDelivery, WebhookQueue
from mailtalk.models.log import (
    Change,
    IdempotencyKey,
    ImportBatch,
    KeyCheck,
    ListPlace,
    Origin,
    SeenPost,
    Worker,
    WriteProbe,
)
from mailtalk.models.mails import (
    Delivery,
    DigestSection,
    DomainRate,
    InboundMail,
    Notice,
    Notification,
    RawMail,
    SenderQuestion,
    Suppression,
)
from mailtalk.models.operators import AuditEntry, LoginLink
from mailtalk.models.people import Address, App, Conversation, File, Message, Participation, Photo, Reaction, User

__all__ = [
    "Address",
    "App",
    "AuditEntry",
    "Base",
    "Change",
    "Conversation",
    "Delivery",
    "DigestSection",
    "DomainRate",
    "Event",
    "EventCount",
    "File",
    "IdempotencyKey",
    "ImportBatch",
    "InboundMail",
    "KeyCheck",
    "ListPlace",
    "LoginLink",
    "Message",
    "Notice",
    "Notification",
    "Origin",
    "Participation",
    "Photo",
    "RawMail",
    "Reaction",
    "SeenPost",
    "SenderQuestion",
    "Suppression",
    "User",
    "Webhook",
    "WebhookDelivery",
    "WebhookQueue",
    "Worker",
    "WriteProbe",
]
