"""`mailtalk conversation show`: a conversation, and the mails that are about to be made."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cli import connect, printing
from cli.options import app_option, json_option, limit_option
from mailtalk import clock
from mailtalk.conversations import apps, conversations
from mailtalk.ids import ConversationKey
from mailtalk.models import Change, Conversation, Delivery, Message, Notification, Participation
from mailtalk.participation.state import state as as_state
from mailtalk.vocabulary import ChangeStatus, NotificationStatus, Sees

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


@click.group()
def conversation() -> None:
    """Inspect conversations."""


@conversation.command()
@app_option
@click.argument("conversation_id", metavar="CONVERSATION")
@limit_option
@json_option
def show(app_id: str, conversation_id: str, limit: int, *, as_json: bool) -> None:
    """Show a conversation: its participants, counts, last messages, and the mails that are about to be made.

    Only the first line of each message is shown, and never a secret address.
    """
    with connect.transaction() as session:
        apps.found(session, app_id)
        content = _conversation(session, conversations.get(session, ConversationKey(app_id, conversation_id)), limit)
    if as_json:
        printing.print_json(content)
    else:
        _print_conversation(content)


def _conversation(session: Session, row: Conversation, limit: int) -> Json:
    key = {"app_id": row.app_id, "conversation_id": row.id}
    participations = select(Participation).filter_by(**key)
    active = Participation.takes_part
    order = (active.desc(), Participation.joined_at.desc(), Participation.user_id)
    messages = select(Message).filter_by(**key)
    pending = select(Notification).filter_by(**key, status=NotificationStatus.OPEN)
    waiting = select(Change).filter_by(**key, status=ChangeStatus.PENDING)
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
        "deliveries": _deliveries(session, key),
        "window": _window(row),
        "participants": [_participant(row) for row in session.scalars(participations.order_by(*order).limit(limit))],
        "messages": [_message(row) for row in session.scalars(messages.order_by(Message.seq.desc()).limit(limit))],
        "notifications": [
            _notification(row)
            for row in session.scalars(pending.order_by(Notification.not_before, Notification.user_id).limit(limit))
        ],
    }


def _count(session: Session, rows: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _deliveries(session: Session, key: Mapping[str, str]) -> dict[str, int]:
    stages = (
        select(Delivery.stage, func.count().label("number"))
        .filter_by(**key)
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
        "state": "active" if state.takes_part else "none" if state.present else "left",
        "access": row.access,
        "notify": row.notify,
        "muteUntil": _in_future(row.mute_until),
        "frequency": row.frequency,
        "sees": row.sees,
        "seesUpTo": row.view_seq if row.sees == Sees.FROZEN else None,
        "joinedAt": row.joined_at,
        "readSeq": row.read_seq,
        "mailedSeq": row.mailed_seq,
    }


def _in_future(until: datetime | None) -> datetime | None:
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


def _print_conversation(content: Json) -> None:
    counts, window = content["counts"], content["window"]
    click.echo(
        f"Conversation  {printing.plain(content['id'])}\nSubject       {printing.plain(content['subject'] or '-')}"
    )
    click.echo(f"Created       {printing.moment(content['createdAt'])}")
    click.echo(f"Changes       {counts['pendingChanges']:,} pending")
    mails = ", ".join(f"{count:,} {stage}" for stage, count in content["deliveries"].items())
    click.echo(f"Mails         {mails or 'none yet'}")
    click.echo(f"Window        {_window_line(window) if window else 'not open: no message waits to be mailed'}")
    _print_section(
        f"{counts['participants']:,} participants, {counts['others']:,} who left or have None",
        PARTICIPANTS,
        content["participants"],
        counts["participants"] + counts["others"],
    )
    _print_section(f"{counts['messages']:,} messages, newest first", MESSAGES, content["messages"], counts["messages"])
    _print_section(
        f"{counts['pendingNotifications']:,} pending notifications",
        NOTIFICATIONS,
        content["notifications"],
        counts["pendingNotifications"],
    )


def _window_line(window: Json) -> str:
    opened, due = printing.moment(window["openedAt"]), printing.moment(window["dueAt"])
    return f"open since {opened}, closes at {due}; from message {window['fromSeq']} on"


def _print_section(title: str, columns: Mapping[str, str], rows: Sequence[Json], count: int) -> None:
    click.echo(f"\n{title}")
    if rows:
        printing.records(columns, rows)
    if count > len(rows):
        click.echo(f"… and {count - len(rows):,} more; see --limit")
