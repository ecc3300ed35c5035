"""Notifications of a participant, with their mails."""

import msgspec

from api.schemas.types import maybe_millis
from mailtalk import clock
from mailtalk.events.schemas import Millis
from mailtalk.ids import NOTIFICATION
from mailtalk.models import Delivery as DeliveryRow
from mailtalk.support.explain import NotificationReport
from mailtalk.vocabulary import NotificationStatus, Stage


class Delivery(msgspec.Struct, rename="camel", kw_only=True):
    """A mail to one address, and the result of sending it."""

    address: str
    stage: Stage
    reply: str | None
    attempts: int
    not_before: Millis
    sent_at: Millis | None
    bounced_at: Millis | None

    @classmethod
    def of(cls, row: DeliveryRow) -> "Delivery":
        """Convert a delivery's row."""
        return cls(
            address=row.address,
            stage=Stage(row.stage),
            reply=row.reply,
            attempts=row.attempts,
            not_before=clock.millis(row.not_before),
            sent_at=maybe_millis(row.ended_at) if row.stage == Stage.SENT else None,
            bounced_at=maybe_millis(row.bounced_at),
        )


class Notification(msgspec.Struct, rename="camel", kw_only=True):
    """A notification: mailed, waiting to be mailed, or not mailed, with the reason."""

    id: str
    status: NotificationStatus
    reason: str | None
    message_ids: list[str]
    created_at: Millis
    not_before: Millis
    ended_at: Millis | None
    deliveries: list[Delivery]

    @classmethod
    def of(cls, report: NotificationReport) -> "Notification":
        """Convert a notification with its messages and deliveries."""
        row = report.notification
        return cls(
            id=NOTIFICATION.show(row.id),
            status=NotificationStatus(row.status),
            reason=row.reason,
            message_ids=list(report.messages),
            created_at=clock.millis(row.created_at),
            not_before=clock.millis(row.not_before),
            ended_at=maybe_millis(row.ended_at),
            deliveries=[Delivery.of(delivery) for delivery in report.deliveries],
        )
