"""Overview of one conversation: its participants, counts, last messages, and the mails that are about to be made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mailtalk.conversations import conversations
from mailtalk.ids import ConversationKey
from mailtalk.models import Change, Conversation, Delivery, Message, Notification, Participation
from mailtalk.participation.state import state as as_state
from mailtalk.vocabulary import ChangeStatus, NotificationStatus, Sees


class Counts(msgspec.Struct, rename="camel"):
    """Numbers of a conversation; `others` left or have access None."""

    participants: int
    others: int
    messages: int
    pending_changes: int
    pending_notifications: int


class OpenWindow(msgspec.Struct, rename="camel"):
    """Window in which new messages are gathered, until it is due."""

    opened_at: datetime
    due_at: datetime
    from_seq: int


class ParticipantRow(msgspec.Struct, rename="camel"):
    """A present or former participant; the state is active, none or left."""

    user_id: str
    state: str
    access: str
    notify: str
    mute_until: datetime | None
    frequency: str
    sees: str
    sees_up_to: int | None
    joined_at: datetime
    read_seq: int
    mailed_seq: int


class MessageRow(msgspec.Struct, rename="camel"):
    """A message, with its first line that is not blank."""

    seq: int
    id: str
    created_at: datetime
    sender_id: str | None
    origin: str
    first_line: str


class PendingNotification(msgspec.Struct, rename="camel"):
    """A notification that is not built into a mail yet."""

    user_id: str
    from_seq: int
    not_before: datetime
    created_at: datetime


class Overview(msgspec.Struct, rename="camel"):
    """One conversation; `deliveries` counts its mails by stage."""

    id: str
    subject: str | None
    created_at: datetime
    counts: Counts
    deliveries: Mapping[str, int]
    window: OpenWindow | None
    participants: Sequence[ParticipantRow]
    messages: Sequence[MessageRow]
    notifications: Sequence[PendingNotification]


def read(session: Session, now: datetime, key: ConversationKey, limit: int) -> Overview:
    """Overview with at most `limit` rows of each kind; NotFound for an unknown conversation."""
    row = conversations.get(session, key)
    columns = {"app_id": row.app_id, "conversation_id": row.id}
    participations = select(Participation).filter_by(**columns)
    active = Participation.takes_part
    order = (active.desc(), Participation.joined_at.desc(), Participation.user_id)
    messages = select(Message).filter_by(**columns)
    pending = select(Notification).filter_by(**columns, status=NotificationStatus.OPEN)
    waiting = select(Change).filter_by(**columns, status=ChangeStatus.PENDING)
    next_first = pending.order_by(Notification.not_before, Notification.user_id)
    return Overview(
        row.id,
        row.subject,
        row.created_at,
        Counts(
            _count(session, participations.where(active)),
            _count(session, participations.where(~active)),
            _count(session, messages),
            _count(session, waiting),
            _count(session, pending),
        ),
        _deliveries(session, columns),
        _window(row),
        [_participant(each, now) for each in session.scalars(participations.order_by(*order).limit(limit))],
        [_message(each) for each in session.scalars(messages.order_by(Message.seq.desc()).limit(limit))],
        [_notification(each) for each in session.scalars(next_first.limit(limit))],
    )


def _count(session: Session, rows: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _deliveries(session: Session, columns: Mapping[str, str]) -> dict[str, int]:
    number = func.count().label("number")
    stages = select(Delivery.stage, number).filter_by(**columns).group_by(Delivery.stage).order_by(Delivery.stage)
    return {row.stage: row.number for row in session.execute(stages)}


def _window(row: Conversation) -> OpenWindow | None:
    if row.window_due_at is None or row.window_opened_at is None:
        return None
    return OpenWindow(row.window_opened_at, row.window_due_at, row.window_from_seq or 0)


def _participant(row: Participation, now: datetime) -> ParticipantRow:
    state = as_state(row)
    return ParticipantRow(
        row.user_id,
        "active" if state.takes_part else "none" if state.present else "left",
        row.access,
        row.notify,
        row.mute_until if row.mute_until is not None and row.mute_until > now else None,
        row.frequency,
        row.sees,
        row.view_seq if row.sees == Sees.FROZEN else None,
        row.joined_at,
        row.read_seq,
        row.mailed_seq,
    )


def _message(row: Message) -> MessageRow:
    first_line = next((line.strip() for line in row.text.splitlines() if line.strip()), "")
    return MessageRow(row.seq, row.id, row.created_at, row.sender_id, row.origin, first_line)


def _notification(row: Notification) -> PendingNotification:
    return PendingNotification(row.user_id, row.from_seq, row.not_before, row.created_at)
