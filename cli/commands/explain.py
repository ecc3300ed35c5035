"""`mailtalk explain`: why someone was mailed, was not, or is not yet, in plain words."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click
import msgspec

from api.schemas.notifications import Notification
from cli import connect, printing
from cli.options import app_option, json_option, limit_option
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.ids import CHANGE, ParticipantKey
from mailtalk.models import Delivery, Suppression
from mailtalk.support import explain as support_explain
from mailtalk.support.explain import NotificationReport, ParticipantStatus
from mailtalk.vocabulary import Frequency, NotificationStatus, Notify, Reason, Stage, Suspicion

WHY = {
    Reason.LEFT: "they had left the conversation",
    Reason.ACCESS_NONE: "their access was None",
    Reason.NEVER_NOTIFIES: "system messages and imported messages notify nobody",
    Reason.OWN_MESSAGE: "they wrote it themselves",
    Reason.ALREADY_READ: "they had read it before the mail was made",
    Reason.MUTED: "they had muted the conversation",
    Reason.NOTIFY_OFF: "their notify is false",
    Reason.NOT_MENTIONED: "their notify is MentionsOnly, and it does not mention them",
    Reason.NO_ADDRESS: "they have no email address",
    Reason.SUPPRESSED: "mail to all their addresses is suppressed: it bounced, or they complained",
    Reason.NOTHING_LEFT: "the messages were deleted, or an earlier mail covered them",
    Reason.CONVERSATION_DELETED: "the conversation was deleted",
}
BARRED = {
    Reason.LEFT: "is not mailed: they left the conversation",
    Reason.ACCESS_NONE: "is not mailed: their access is None",
    Reason.MUTED: "is not mailed: they muted the conversation until {until}",
    Reason.NOTIFY_OFF: "is not mailed: their notify is false",
    Reason.NO_ADDRESS: "is not mailed: they have no email address",
    Reason.SUPPRESSED: "is not mailed: mail to all their addresses is suppressed",
}
AGAINST = {
    Suspicion.DEAD: "there is no such mailbox",
    Suspicion.COMPLAINED: "its owner complained",
    Suspicion.FAILING: "mail to it failed too often",
}
WHEN = {
    Frequency.IMMEDIATELY: "at once",
    Frequency.DEFAULT: "when the conversation has been quiet, and a few seconds after they are mentioned",
    Frequency.HOURLY: "in a digest at the next full hour",
    Frequency.DAILY: "in a digest at eight in the morning of their time zone",
}
STAGES = {
    Stage.QUEUED: "waits to be sent",
    Stage.CLAIMED: "is about to be sent",
    Stage.SENDING: "is being sent",
    Stage.SENT: "was sent at {ended}",
    Stage.DEFERRED: "is tried again at {later}, after {attempts}",
    Stage.FAILED: "was refused at {ended}",
    Stage.UNKNOWN: "may or may not have arrived, the reply was lost; it is sent again at {later}",
    Stage.HELD: "may or may not have arrived, the reply was lost; it is held, see: mailtalk held list",
    Stage.CAPTURED: "was captured, because no relay is set",
    Stage.CANCELLED: "was cancelled",
}


@click.command()
@app_option
@click.argument("conversation_id", metavar="CONVERSATION")
@click.argument("user_id", metavar="USER")
@limit_option
@json_option
def explain(app_id: str, conversation_id: str, user_id: str, limit: int, *, as_json: bool) -> None:
    """Explain why someone was mailed, was not, or is not yet.

    First what holds for the next message, then the outcome of the last 30 days' notifications, newest first.
    """
    with connect.transaction() as session:
        apps.found(session, app_id)
        key = ParticipantKey.of(app_id, conversation_id, user_id)
        status = support_explain.status(session, clock.now(), key)
        history = support_explain.page(session, key, limit=limit)
    if as_json:
        printing.print_json(_json(status, history))
    else:
        click.echo("\n".join(_lines(status, history)))


def _json(status: ParticipantStatus, history: list[NotificationReport]) -> dict[str, Any]:
    row, conversation = status.participation, status.conversation
    return {
        "conversationId": conversation.id,
        "userId": row.user_id,
        "next": _next(status),
        "barredBy": status.barred,
        "suppressed": [{"address": row.address, "reason": row.reason, "until": row.until} for row in status.suppressed],
        "frequency": status.frequency,
        "chosen": list(row.chosen),
        "lastChange": _last_change(status),
        "windowClosesAt": conversation.window_due_at,
        "notifications": [
            msgspec.to_builtins(Notification.of(entry)) | {"explanation": list(_outcome(entry, status))}
            for entry in history
        ],
    }


def _last_change(status: ParticipantStatus) -> dict[str, Any] | None:
    change = status.last_change
    if change is None:
        return None
    return {
        "id": CHANGE.show(change.id),
        "kind": change.kind,
        "by": change.requested_by,
        "appliedAt": change.applied_at,
    }


def _lines(status: ParticipantStatus, history: list[NotificationReport]) -> Iterator[str]:
    row = status.participation
    name, user_id, conversation_id = map(printing.plain, (status.user.name, row.user_id, row.conversation_id))
    yield f"{name} ({user_id}) in {conversation_id}"
    yield f"The next message {_next(status)}."
    yield from map(_suppressed, status.suppressed)
    due = status.conversation.window_due_at
    if due is not None:
        yield f"New messages are collected until {printing.moment(due)}, longer while more are written."
    change = status.last_change
    if change is not None and change.applied_at is not None:
        last = f"{CHANGE.show(change.id)}, {change.kind}, by the {change.requested_by}"
        yield f"Their last change is {last}, at {printing.moment(change.applied_at)}."
    if row.chosen:
        yield f"They chose {' and '.join(row.chosen)} themselves: a PUT that does not name it leaves it."
    if not history:
        yield "No notifications in the last 30 days."
    for entry in history:
        yield ""
        yield from _outcome(entry, status)


def _next(status: ParticipantStatus) -> str:
    row = status.participation
    if status.barred is None:
        which = ", if it mentions them," if row.notify == Notify.MENTIONS_ONLY else ""
        return f"from someone else{which} is mailed {WHEN[status.frequency]}"
    until = printing.moment(row.mute_until) if row.mute_until else ""
    return BARRED[status.barred].format(until=until)


def _suppressed(row: Suppression) -> str:
    reason = Suspicion(row.reason)
    until = None if reason is Suspicion.COMPLAINED else row.until
    ends = printing.moment(until) if until else "someone releases it"
    return f"Nothing is sent to {printing.plain(row.address)} until {ends}: {AGAINST[reason]}."


def _outcome(entry: NotificationReport, status: ParticipantStatus) -> Iterator[str]:
    """Describe the outcome of one notification, line by line."""
    row = entry.notification
    about = f"{len(entry.messages)} message" + ("" if len(entry.messages) == 1 else "s")
    if row.status == NotificationStatus.OPEN:
        yield f"{printing.moment(row.created_at)}  {about}: {_waiting(row.not_before, status.barred)}"
    elif row.status == NotificationStatus.CANCELLED:
        yield f"{printing.moment(row.ended_at or row.created_at)}  {about}: not mailed, because {_why(row.reason)}"
    else:
        yield f"{printing.moment(row.ended_at or row.created_at)}  {about}: mailed"
    yield from (f"    {_delivery(delivery)}" for delivery in entry.deliveries)


def _waiting(until: datetime, barred: Reason | None) -> str:
    waits = "about to be mailed" if until <= clock.now() else f"waits until {printing.moment(until)}"
    return f"{waits}, and will not be mailed as things stand" if barred else waits


def _why(reason: str | None) -> str:
    known = {str(each): text for each, text in WHY.items()}
    return known.get(reason or "", f"of an internal error ({printing.plain(reason or '')})")


def _delivery(row: Delivery) -> str:
    ended = printing.moment(row.ended_at) if row.ended_at else "-"
    attempts = "1 attempt" if row.attempts == 1 else f"{row.attempts} attempts"
    stage = STAGES[Stage(row.stage)].format(ended=ended, later=printing.moment(row.not_before), attempts=attempts)
    answer = f"; the reply was: {printing.plain(row.reply)}" if row.reply and row.stage != Stage.CAPTURED else ""
    bounced = f"; it bounced at {printing.moment(row.bounced_at)}" if row.bounced_at else ""
    return f"to {printing.plain(row.address)} {stage}{answer}{bounced}"
