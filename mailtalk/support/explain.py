"""Explanations for support staff: a participant's past notifications, and what would bar the next message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from mailtalk.conversations import apps, conversations
from mailtalk.db import sql
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.ids import ParticipantKey
from mailtalk.models import (
    Change,
    Conversation,
    Delivery,
    DigestSection,
    Notification,
    Participation,
    Suppression,
    User,
)
from mailtalk.outbound import suppressions
from mailtalk.participation import notify
from mailtalk.participation.state import state as as_state
from mailtalk.vocabulary import ChangeStatus, Frequency, NotificationStatus, Reason

_MESSAGES = sql.load(__file__, "read_messages")


@dataclass(frozen=True, slots=True)
class NotificationReport:
    """A notification with the ids of its messages and its mails."""

    notification: Notification
    messages: Sequence[str]
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, slots=True)
class ParticipantStatus:
    """State of one participant; `bars` are all reasons why the next message would not be mailed, none if it would be.

    `frequency` is the participant's own, else the app's.
    """

    conversation: Conversation
    participation: Participation
    user: User
    bars: Sequence[Reason]
    frequency: Frequency
    last_change: Change | None
    suppressed: Sequence[Suppression]  # of the user's addresses


def page(session: Session, key: ParticipantKey, *, limit: int, before: int | None = None) -> list[NotificationReport]:
    """Notifications of a present or former participant, newest first; those older than the id `before`."""
    _participation(session, key)
    query = select(Notification).filter_by(**_columns(key))
    if before is not None:
        if session.scalar(query.where(Notification.id == before)) is None:
            raise Invalid({"startingAfter": ["not a notification of this participant"]})
        query = query.where(Notification.id < before)
    notifications = session.scalars(query.order_by(Notification.id.desc()).limit(limit)).all()
    ids = [notification.id for notification in notifications]
    messages = _messages(session, key.app_id, ids)
    mails = _mails(session, key, ids)
    return [NotificationReport(row, messages[row.id], _mails_of(row, mails)) for row in notifications]


def _mails_of(row: Notification, mails: Mapping[int, Sequence[Delivery]]) -> Sequence[Delivery]:
    """Mails of a notification, none if it was open when it was read: they may have been made a moment later."""
    return () if row.status == NotificationStatus.OPEN else mails.get(row.id, ())


def status(session: Session, now: datetime, key: ParticipantKey) -> ParticipantStatus:
    """State of a present or former participant."""
    row = _participation(session, key)
    user = session.get_one(User, (key.app_id, key.user_id))
    changes = select(Change).filter_by(**_columns(key))
    last = session.scalar(
        changes.where(Change.status == ChangeStatus.APPLIED).order_by(Change.applied_seq.desc()).limit(1)
    )
    conversation = conversations.get(session, key.conversation)
    suppressed = suppressions.of(session, now, key.app_id, user.emails or ())
    bars = _bars(row, user, now, suppressed)
    return ParticipantStatus(conversation, row, user, bars, _frequency(session, row), last, suppressed)


def participations(session: Session, app_id: str, user_id: str, limit: int) -> list[ParticipantKey]:
    """Present and former participations of a user, the latest join first."""
    query = select(Participation).filter_by(app_id=app_id, user_id=user_id)
    newest = query.order_by(Participation.joined_at.desc(), Participation.conversation_id).limit(limit)
    return [row.key for row in session.scalars(newest)]


def _participation(session: Session, key: ParticipantKey) -> Participation:
    conversations.get(session, key.conversation)
    row = session.get(Participation, (*key.conversation, key.user_id))
    if row is None:
        raise NotFound({"userId": [f"{key.user_id!r} was never a participant"]}, ErrorCode.PARTICIPANT_NOT_FOUND)
    return row


def _columns(key: ParticipantKey) -> dict[str, str]:
    return {"app_id": key.app_id, "conversation_id": key.conversation.id, "user_id": key.user_id}


def _messages(session: Session, app_id: str, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    return {row.id: row.messages for row in session.execute(_MESSAGES, {"app": app_id, "ids": ids})}


def _mails(session: Session, key: ParticipantKey, ids: Sequence[int]) -> Mapping[int, Sequence[Delivery]]:
    """Mails of notifications: their own, and the digests with a section about them."""
    own = select(Delivery).filter_by(**_columns(key)).where(Delivery.notification_id.in_(ids))
    section = and_(DigestSection.app_id == Delivery.app_id, DigestSection.delivery_id == Delivery.id)
    digests = select(DigestSection.notification_id, Delivery).join(DigestSection, section)
    digests = digests.where(DigestSection.app_id == key.app_id, DigestSection.notification_id.in_(ids))
    mails: dict[int, list[Delivery]] = {}
    for delivery in session.scalars(own.order_by(Delivery.address, Delivery.created_at)):
        mails.setdefault(delivery.notification_id or 0, []).append(delivery)
    for number, delivery in session.execute(digests.order_by(Delivery.address, Delivery.created_at)):
        mails.setdefault(number, []).append(delivery)
    return mails


def _frequency(session: Session, row: Participation) -> Frequency:
    own = Frequency(row.frequency)
    return Frequency(apps.found(session, row.app_id).frequency) if own is Frequency.DEFAULT else own


def _bars(row: Participation, user: User, now: datetime, suppressed: Sequence[Suppression]) -> list[Reason]:
    reasons = notify.bars(row.user_id, as_state(row), now)
    addresses = {address.lower() for address in user.emails or ()}
    if not addresses:
        return [*reasons, Reason.NO_ADDRESS]
    return [*reasons, Reason.SUPPRESSED] if addresses <= {entry.address for entry in suppressed} else reasons
