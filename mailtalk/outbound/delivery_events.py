"""Events about a notification's mail, for webhooks; mails of other kinds have none."""

from typing import Protocol
from uuid import UUID

from mailtalk import ids
from mailtalk.events.record import Happened
from mailtalk.vocabulary import DeliveryKind, EventType


class Mailed(Protocol):
    """What an event tells of a delivery: its row, or the row's values."""

    @property
    def app_id(self) -> str:
        """The app."""

    @property
    def id(self) -> UUID:
        """The delivery's id."""

    @property
    def kind(self) -> str:
        """Of `DeliveryKind`."""

    @property
    def notification_id(self) -> int | None:
        """The notification; notices have none."""

    @property
    def conversation_id(self) -> str:
        """The conversation."""

    @property
    def user_id(self) -> str:
        """The reader."""

    @property
    def address(self) -> str:
        """The reader's address, one of the app's own user."""


def sent(delivery: Mailed) -> Happened | None:
    """The relay accepted the mail."""
    return _event(delivery, EventType.NOTIFICATION_SENT, {})


def bounced(delivery: Mailed, kind: str, status: str | None) -> Happened | None:
    """The mail did not arrive (hard or soft), or was reported as spam (complaint); `status` as in RFC 3463."""
    more = {"address": delivery.address, "bounce": kind, "status": status}
    return _event(delivery, EventType.NOTIFICATION_BOUNCED, more)


def _event(delivery: Mailed, kind: EventType, more: dict[str, str | None]) -> Happened | None:
    if delivery.kind != DeliveryKind.NOTIFICATION:
        return None
    data = {
        "notificationId": ids.NOTIFICATION.show(delivery.notification_id or 0),
        "recipient": {"id": delivery.user_id},
        "conversationId": delivery.conversation_id,
        "deliveryId": str(delivery.id),
    }
    return Happened(delivery.app_id, kind, data | more, delivery.conversation_id)
