"""The tables. Every key starts with the app; whatever is asked for is a row with a status first."""

from mailtalk.models.base import Base
from mailtalk.models.log import Change, IdempotencyKey, ImportBatch, Worker
from mailtalk.models.mails import Delivery, InboundMail, Notification, RawMail
from mailtalk.models.people import Address, App, Conversation, Message, Participation, User

__all__ = [
    "Address",
    "App",
    "Base",
    "Change",
    "Conversation",
    "Delivery",
    "IdempotencyKey",
    "ImportBatch",
    "InboundMail",
    "Message",
    "Notification",
    "Participation",
    "RawMail",
    "User",
    "Worker",
]
