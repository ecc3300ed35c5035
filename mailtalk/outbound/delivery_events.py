"""Events about a notification's mail or a digest, for webhooks; other kinds of mail have none."""

from typing import Protocol
from uuid import UUID

from mailtalk import ids
from mailtalk.events.record import Happened
from mailtalk.vocabulary import DeliveryKind, EventType


class Mailed(Protocol):
    """Columns of a delivery that its events need; a row, or values."""

    @property
    def app_id(self) -> str:
        """The app."""

    @property
    def id(self) -> UUID:
        """The delivery's id."""

    @property
    def kind(self) -> str:
        """A `DeliveryKind` value."""

    @property
    def notification_id(self) -> int | None:
        """Notification; None for notices."""

    @property
    def conversation_id(self) -> str:
        """The conversation."""

    @property
    def user_id(self) -> str:
        """The reader."""

    @property
    def address(self) -> str:
        """The reader's address, as registered by the app."""


def sent(delivery: Mailed) -> Happened | None:
    """The relay accepted the mail."""
    return _event(delivery, EventType.NOTIFICATION_SENT, {})


def bounced(delivery: Mailed, kind: str, status: str | None) -> Happened | None:
    """The mail did not arrive (hard or soft), or was reported as spam (complaint); `status` is an RFC 3463 code."""
    more = {"address": delivery.address, "bounce": kind, "status": status}
    return _event(delivery, EventType.NOTIFICATION_BOUNCED, more)


def cancelled(delivery: Mailed, reason: str) -> Happened | None:
    """The mail was not sent, for a reason that came up while it waited."""
    return _event(delivery, EventType.NOTIFICATION_CANCELLED, {"address": delivery.address, "reason": reason})


def _event(delivery: Mailed, kind: EventType, more: dict[str, str | None]) -> Happened | None:
    if delivery.kind not in {DeliveryKind.NOTIFICATION, DeliveryKind.DIGEST}:
        return None
    number, conversation_id = delivery.notification_id, delivery.conversation_id or None  # a digest has neither
    data = {
        "notificationId": None if number is None else ids.NOTIFICATION.show(number),
        "recipient": {"id": delivery.user_id},
        "conversationId": conversation_id,
        "deliveryId": str(delivery.id),
    }
    return Happened(delivery.app_id, kind, data | more, conversation_id)
