"""Writes the results of a batch of notifications: one statement per table, the mails by COPY."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.multirange import Multirange
from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import bulk
from mailtalk.db.copy import copy
from mailtalk.models import DigestSection, Notification
from mailtalk.notifications.due import DueNotification
from mailtalk.notifications.settle import Settlement, ranges
from mailtalk.vocabulary import DeliveryKind, NotificationStatus

Ended = tuple[DueNotification, Settlement]
_MAILS = {
    "app_id": "text",
    "id": "uuid",
    "kind": "text",
    "notification_id": "bigint",
    "conversation_id": "text",
    "user_id": "text",
    "address": "text",
    "message_id": "text",
    "body_sealed": "bytea",
    "seqs": "int8multirange",
    "edited_at": "timestamptz",
    "reply_generation": "int8",
    "not_before": "timestamptz",
    "created_at": "timestamptz",
}
# LIMIT is the planner's estimate of their number.
_END = text("""
    WITH ended AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:ended AS jsonb)) AS e (app_id text, conversation_id text, user_id text,
            id bigint, status text, reason text, seqs int8multirange, last bigint)
        LIMIT :count),
    settled AS (
        UPDATE participations p SET mailed_seq = e.last FROM ended e
        WHERE (p.app_id, p.conversation_id, p.user_id) = (e.app_id, e.conversation_id, e.user_id))
    UPDATE notifications n SET status = e.status, reason = e.reason, seqs = e.seqs, ended_at = :now FROM ended e
    WHERE n.app_id = e.app_id AND n.id = e.id""")

_CANCEL = text("""
    UPDATE deliveries d SET stage = 'cancelled', reply = o.reason, ended_at = :now
    FROM unnest(CAST(:apps AS text[]), CAST(:ids AS uuid[]), CAST(:reasons AS text[])) AS o (app_id, id, reason)
    WHERE d.app_id = o.app_id AND d.id = o.id""")


class Section(NamedTuple):
    """A notification in a mail: its messages, their newest edit, and the generation of its reply address, if any."""

    notification: DueNotification
    seqs: Multirange[int]
    edited_at: datetime | None
    reply_generation: int | None


class NewMail(NamedTuple):
    """Mail to one address, sealed: a notification, which is its only section, or a digest."""

    id: UUID
    kind: DeliveryKind
    address: str
    message_id: str
    sealed: bytes
    sections: Sequence[Section]


def add_mails(session: Session, now: datetime, mails: Iterable[NewMail]) -> None:
    """Queue the mails; each is taken from the iterator as it is written, so that only one is in memory."""
    sections: list[dict[str, object]] = []
    copy(session, "deliveries", _MAILS, _rows(mails, now, sections))
    bulk.insert_rows(session, DigestSection, sections)


def cancel(session: Session, now: datetime, outdated: Sequence[tuple[str, UUID, str]]) -> None:
    """Cancel outdated deliveries, given as (app, id, reason), in the transaction that adds those made anew."""
    apps, ids, reasons = zip(*outdated, strict=True)
    session.execute(_CANCEL, {"apps": list(apps), "ids": list(ids), "reasons": list(reasons), "now": now})


def end(session: Session, now: datetime, ended: Sequence[Ended]) -> None:
    """End the notifications, and add one for each further reason of their messages."""
    rows = [
        {
            **_participant(notification),
            "id": notification.id,
            "status": NotificationStatus.CANCELLED if settlement.reason else NotificationStatus.MADE,
            "reason": settlement.reason,
            "seqs": str(ranges(settlement.told)),
            "last": settlement.last_seq,
        }
        for notification, settlement in ended
    ]
    session.execute(_END, {"ended": bulk.encode(rows), "count": len(rows), "now": now})
    bulk.insert_rows(session, Notification, [row for each in ended for row in _others(now, *each)])


def _rows(mails: Iterable[NewMail], now: datetime, sections: list[dict[str, object]]) -> Iterator[tuple[object, ...]]:
    """Rows of deliveries; those of digests' sections are noted on the way."""
    for mail in mails:
        is_digest, (notification, *about) = mail.kind is DeliveryKind.DIGEST, mail.sections[0]
        sections += [_section(mail.id, section) for section in mail.sections] if is_digest else []
        yield (
            notification.recipient.app_id,
            mail.id,
            mail.kind,
            None if is_digest else notification.id,
            "" if is_digest else notification.recipient.conversation_id,
            notification.recipient.user_id,
            mail.address,
            mail.message_id,
            mail.sealed,
            *((None, None, None) if is_digest else about),
            now,
            now,
        )


def _section(delivery_id: UUID, section: Section) -> dict[str, object]:
    recipient = section.notification.recipient
    return {
        "app_id": recipient.app_id,
        "delivery_id": delivery_id,
        "notification_id": section.notification.id,
        "conversation_id": recipient.conversation_id,
        "participation_id": recipient.id,
        "seqs": str(section.seqs),
        "edited_at": section.edited_at,
        "reply_generation": section.reply_generation,
    }


def _others(now: datetime, notification: DueNotification, settlement: Settlement) -> Iterator[dict[str, object]]:
    """Ended notifications for the further reasons."""
    for reason, messages in settlement.others.items():
        yield {
            **_participant(notification),
            "status": NotificationStatus.CANCELLED,
            "reason": reason,
            "seqs": str(ranges(messages)),
            "from_seq": messages[0].seq,
            **dict.fromkeys(("not_before", "created_at", "ended_at"), now),
        }


def _participant(notification: DueNotification) -> dict[str, object]:
    recipient = notification.recipient
    return {
        "app_id": recipient.app_id,
        "conversation_id": recipient.conversation_id,
        "user_id": recipient.user_id,
    }
