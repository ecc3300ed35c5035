"""`mailtalk conversation show`: what is there, and which mails are about to be made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cli import connect, printing
from mailtalk import clock
from mailtalk.conversations import apps, conversations
from mailtalk.models import Change, Conversation, Delivery, Message, Notification, Participation
from mailtalk.participation.state import state as as_state
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Access, ChangeStatus, NotificationStatus, Sees

Json = dict[str, Any]
PARTICIPANTS = {
    "user": "userId",
    "state": "state",
    "access": "access",
    "notify": "notify",
    "mute until": "muteUntil",
    "frequency": "frequency",
    "sees": "sees",
    "up to": "seesUpTo",
    "joined": "joinedAt",
    "read": "readSeq",
    "mailed": "mailedSeq",
}
MESSAGES = {"seq": "seq", "at": "createdAt", "sender": "senderId", "origin": "origin", "text": "firstLine"}
NOTIFICATIONS = {"user": "userId", "from seq": "fromSeq", "not before": "notBefore", "since": "createdAt"}


def conversation(settings: Settings, app_id: str, conversation_id: str, limit: int, *, as_json: bool) -> None:
    """Print a conversation; of its participants, messages and notifications so many."""
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        row = conversations.get(session, app_id, conversation_id)
        shown = _conversation(session, row, limit)
    if as_json:
        printing.as_json(shown)
    else:
        _print_conversation(shown)


def _conversation(session: Session, row: Conversation, limit: int) -> Json:
    of = {"app_id": row.app_id, "conversation_id": row.id}
    participations = select(Participation).filter_by(**of)
    active = (Participation.present) & (Participation.access != Access.NONE)
    order = (active.desc(), Participation.joined_at.desc(), Participation.user_id)
    messages = select(Message).filter_by(**of)
    pending = select(Notification).filter_by(**of, status=NotificationStatus.OPEN)
    waiting = select(Change).filter_by(**of, status=ChangeStatus.PENDING)
    return {
        "id": row.id,
        "subject": row.subject,
        "createdAt": row.created_at,
        "counts": {
            "participants": _count(session, participations.where(active)),
            "others": _count(session, participations.where(~active)),
            "messages": _count(session, messages),
            "pendingChanges": _count(session, waiting),
            "pendingNotifications": _count(session, pending),
        },
        "deliveries": _deliveries(session, of),
        "window": _window(row),
        "participants": [_participant(each) for each in session.scalars(participations.order_by(*order).limit(limit))],
        "messages": [_message(each) for each in session.scalars(messages.order_by(Message.seq.desc()).limit(limit))],
        "notifications": [
            _notification(each)
            for each in session.scalars(pending.order_by(Notification.not_before, Notification.user_id).limit(limit))
        ],
    }


def _count(session: Session, rows: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _deliveries(session: Session, of: Mapping[str, str]) -> dict[str, int]:
    stages = (
        select(Delivery.stage, func.count().label("number"))
        .filter_by(**of)
        .group_by(Delivery.stage)
        .order_by(Delivery.stage)
    )
    return {row.stage: row.number for row in session.execute(stages)}


def _window(row: Conversation) -> Json | None:
    if row.window_due_at is None:
        return None
    return {"openedAt": row.window_opened_at, "dueAt": row.window_due_at, "fromSeq": row.window_from_seq}


def _participant(row: Participation) -> Json:
    state = as_state(row)
    return {
        "userId": row.user_id,
        "state": "active" if state.active else "none" if state.present else "left",
        "access": row.access,
        "notify": row.notify,
        "muteUntil": _ahead(row.mute_until),
        "frequency": row.frequency,
        "sees": row.sees,
        "seesUpTo": row.view_seq if row.sees == Sees.FROZEN else None,
        "joinedAt": row.joined_at,
        "readSeq": row.read_seq,
        "mailedSeq": row.mailed_seq,
    }


def _ahead(until: datetime | None) -> datetime | None:
    return until if until is not None and until > clock.now() else None


def _message(row: Message) -> Json:
    return {
        "seq": row.seq,
        "id": row.id,
        "createdAt": row.created_at,
        "senderId": row.sender_id,
        "origin": row.origin,
        "firstLine": printing.first_line(row.text),
    }


def _notification(row: Notification) -> Json:
    return {
        "userId": row.user_id,
        "fromSeq": row.from_seq,
        "notBefore": row.not_before,
        "createdAt": row.created_at,
    }


def _print_conversation(shown: Json) -> None:
    counts, window = shown["counts"], shown["window"]
    click.echo(f"Conversation  {printing.plain(shown['id'])}\nSubject       {printing.plain(shown['subject'] or '-')}")
    click.echo(f"Created       {printing.moment(shown['createdAt'])}")
    click.echo(f"Changes       {counts['pendingChanges']:,} pending")
    mails = ", ".join(f"{count:,} {stage}" for stage, count in shown["deliveries"].items())
    click.echo(f"Mails         {mails or 'none yet'}")
    click.echo(f"Window        {_told(window) if window else 'not open: no message waits to be mailed'}")
    _section(
        f"{counts['participants']:,} participants, {counts['others']:,} who left or have None",
        PARTICIPANTS,
        shown["participants"],
        counts["participants"] + counts["others"],
    )
    _section(f"{counts['messages']:,} messages, newest first", MESSAGES, shown["messages"], counts["messages"])
    _section(
        f"{counts['pendingNotifications']:,} pending notifications",
        NOTIFICATIONS,
        shown["notifications"],
        counts["pendingNotifications"],
    )


def _told(window: Json) -> str:
    opened, due = printing.moment(window["openedAt"]), printing.moment(window["dueAt"])
    return f"open since {opened}, closes at {due}; from message {window['fromSeq']} on"


def _section(title: str, columns: Mapping[str, str], rows: Sequence[Json], count: int) -> None:
    click.echo(f"\n{title}")
    if rows:
        printing.records(columns, rows)
    if count > len(rows):
        click.echo(f"… and {count - len(rows):,} more; see --limit")
