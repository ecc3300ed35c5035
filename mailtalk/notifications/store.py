"""Writes what a batch of notifications became: each table by one statement, the mails by COPY."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import arrays
from mailtalk.db.copy import copy
from mailtalk.models import Message
from mailtalk.notifications.batch import DueNotification
from mailtalk.notifications.settle import Settlement
from mailtalk.vocabulary import NotificationStatus

Ended = tuple[DueNotification, Settlement]
_MAILS = {
    "app_id": "text",
    "id": "uuid",
    "notification_id": "bigint",
    "conversation_id": "text",
    "user_id": "text",
    "address": "text",
    "message_id": "text",
    "body_sealed": "bytea",
    "not_before": "timestamptz",
    "created_at": "timestamptz",
}
_END = text("""
    UPDATE notifications n SET status = e.status, reason = e.reason, seqs = e.seqs, ended_at = :now
    FROM unnest(CAST(:apps AS text[]), CAST(:notifications AS bigint[]), CAST(:statuses AS text[]),
        CAST(:reasons AS text[]), CAST(:seqs AS int8multirange[])) AS e (app_id, id, status, reason, seqs)
    WHERE n.app_id = e.app_id AND n.id = e.id""")
_SETTLE = text("""
    UPDATE participations p SET mailed_seq = e.seq
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:last AS bigint[]))
        AS e (app_id, conversation_id, user_id, seq)
    WHERE (p.app_id, p.conversation_id, p.user_id) = (e.app_id, e.conversation_id, e.user_id)""")
_ADD = text("""
    INSERT INTO notifications
        (app_id, conversation_id, user_id, status, reason, seqs, from_seq, not_before, created_at, ended_at)
    SELECT e.app_id, e.conversation_id, e.user_id, 'cancelled', e.reason, e.seqs, lower(e.seqs), :now, :now, :now
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[]), CAST(:users AS text[]), CAST(:reasons AS text[]),
        CAST(:seqs AS int8multirange[])) AS e (app_id, conversation_id, user_id, reason, seqs)""")


class NewMail(NamedTuple):
    """A notification's mail to one address, sealed."""

    id: UUID
    notification: DueNotification
    address: str
    message_id: str
    sealed: bytes


def add_mails(session: Session, now: datetime, mails: Iterable[NewMail]) -> None:
    """Queue the mails; each is taken from the iterator when it is written, so that memory holds one."""
    copy(session, "deliveries", _MAILS, _rows(mails, now))


def end(session: Session, now: datetime, ended: Sequence[Ended]) -> None:
    """End the notifications, and add one for each other reason of their messages."""
    keys = arrays.of_participants(notification.recipient.key for notification, _ in ended)
    values = {
        "now": now,
        "notifications": [notification.id for notification, _ in ended],
        "statuses": [_status(settlement) for _, settlement in ended],
        "reasons": [settlement.reason for _, settlement in ended],
        "seqs": [_ranges(settlement.told) for _, settlement in ended],
        "last": [settlement.last_seq for _, settlement in ended],
    }
    session.execute(_END, keys | values)
    session.execute(_SETTLE, keys | values)
    _add_others(session, now, ended)


def _rows(mails: Iterable[NewMail], now: datetime) -> Iterator[tuple[object, ...]]:
    for mail in mails:
        key = mail.notification.recipient.key
        yield (
            key.conversation.app_id,
            mail.id,
            mail.notification.id,
            key.conversation.id,
            key.user_id,
            mail.address,
            mail.message_id,
            mail.sealed,
            now,
            now,
        )


def _add_others(session: Session, now: datetime, ended: Sequence[Ended]) -> None:
    others = [
        (notification.recipient.key, reason, messages)
        for notification, settlement in ended
        for reason, messages in settlement.others.items()
    ]
    if others:
        values = arrays.of_participants(key for key, _, _ in others) | {
            "reasons": [reason for _, reason, _ in others],
            "seqs": [_ranges(messages) for _, _, messages in others],
        }
        session.execute(_ADD, values | {"now": now})


def _status(settlement: Settlement) -> NotificationStatus:
    return NotificationStatus.CANCELLED if settlement.reason else NotificationStatus.MADE


def _ranges(messages: Sequence[Message]) -> str:
    """A multirange as text; PostgreSQL joins the ranges that touch."""
    return "{" + ",".join(f"[{message.seq},{message.seq}]" for message in messages) + "}"
