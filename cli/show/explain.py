"""`mailtalk explain`: why somebody was mailed, was not, or is not yet, in plain words."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from api import notifications
from cli import connect, printing
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.models import Delivery, Suppression
from mailtalk.settings.load import Settings
from mailtalk.support import explain
from mailtalk.support.explain import Standing, Told
from mailtalk.vocabulary import Frequency, NotificationStatus, Notify, Reason, Stage, Suspicion

WHY = {
    Reason.LEFT: "they had left the conversation",
    Reason.ACCESS_NONE: "their access was None",
    Reason.NEVER_NOTIFIES: "system messages and imported ones notify nobody",
    Reason.OWN_MESSAGE: "they wrote it themselves",
    Reason.ALREADY_READ: "they had read it before the mail was made",
    Reason.MUTED: "they had muted the conversation",
    Reason.NOTIFY_OFF: "they want no mails of the conversation (notify false)",
    Reason.NOT_MENTIONED: "they want mentions only, and it does not mention them",
    Reason.NO_ADDRESS: "they have no mail address",
    Reason.SUPPRESSED: "mail to all their addresses is suppressed: it bounced, or they complained",
    Reason.NOTHING_LEFT: "the messages were deleted, or settled by a mail before",
    Reason.CONVERSATION_DELETED: "the conversation was deleted",
}
BARRED = {
    Reason.LEFT: "is not mailed: they left the conversation",
    Reason.ACCESS_NONE: "is not mailed: their access is None",
    Reason.MUTED: "is not mailed: they muted the conversation until {until}",
    Reason.NOTIFY_OFF: "is not mailed: they want no mails of the conversation (notify false)",
    Reason.NO_ADDRESS: "is not mailed: they have no mail address",
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
    Stage.UNKNOWN: "may have arrived or not: the answer was lost; it is sent again at {later}",
    Stage.HELD: "may have arrived or not: the answer was lost; it is held, see: mailtalk held list",
    Stage.CAPTURED: "was captured, because no relay is set",
    Stage.CANCELLED: "was cancelled",
}


def show(  # noqa: PLR0913  what the command's options say
    settings: Settings, app_id: str, conversation_id: str, user_id: str, limit: int, *, as_json: bool
) -> None:
    """Print how things stand for one participant, and what became of their notifications."""
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        stands = explain.standing(session, clock.now(), app_id, conversation_id, user_id)
        told = explain.page(session, app_id, conversation_id, user_id, limit=limit)
    if as_json:
        printing.as_json(_json(stands, told))
    else:
        for line in _lines(stands, told):
            click.echo(line)


def _json(stands: Standing, told: list[Told]) -> dict[str, Any]:
    row, conversation = stands.participation, stands.conversation
    return {
        "conversationId": conversation.id,
        "userId": row.user_id,
        "next": _next(stands),
        "barredBy": stands.barred,
        "suppressed": [
            {"address": each.address, "reason": each.reason, "until": each.until} for each in stands.suppressed
        ],
        "frequency": stands.frequency,
        "windowClosesAt": conversation.window_due_at,
        "notifications": [notifications.shown(each) | {"explanation": list(_of(each, stands))} for each in told],
    }


def _lines(stands: Standing, told: list[Told]) -> Iterator[str]:
    row = stands.participation
    yield f"{printing.plain(stands.user.name)} ({printing.plain(row.user_id)}) in {printing.plain(row.conversation_id)}"
    yield f"The next message {_next(stands)}."
    yield from map(_suppressed, stands.suppressed)
    due = stands.conversation.window_due_at
    if due is not None:
        yield f"New messages are gathered until {printing.moment(due)}, and on while more are written."
    change = stands.last_change
    if change is not None and change.applied_at is not None:
        yield f"Their last change is chg_{change.id}, {change.kind}, at {printing.moment(change.applied_at)}."
    if not told:
        yield "Nothing was to be mailed in the last 30 days."
    for each in told:
        yield ""
        yield from _of(each, stands)


def _next(stands: Standing) -> str:
    row = stands.participation
    if stands.barred is None:
        which = ", if it mentions them," if row.notify == Notify.MENTIONS_ONLY else ""
        return f"of somebody else{which} is mailed {WHEN[stands.frequency]}"
    until = printing.moment(row.mute_until) if row.mute_until else ""
    return BARRED[stands.barred].format(until=until)


def _suppressed(row: Suppression) -> str:
    reason = Suspicion(row.reason)
    until = None if reason is Suspicion.COMPLAINED else row.until
    ends = printing.moment(until) if until else "somebody releases it"
    return f"Nothing is sent to {printing.plain(row.address)} until {ends}: {AGAINST[reason]}."


def _of(told: Told, stands: Standing) -> Iterator[str]:
    """What became of one notification, line by line."""
    row = told.notification
    about = f"{len(told.messages)} message" + ("" if len(told.messages) == 1 else "s")
    if row.status == NotificationStatus.OPEN:
        yield f"{printing.moment(row.created_at)}  {about}: {_waits(row.not_before, stands.barred)}"
    elif row.status == NotificationStatus.CANCELLED:
        yield f"{printing.moment(row.ended_at or row.created_at)}  {about}: not mailed, because {_why(row.reason)}"
    else:
        yield f"{printing.moment(row.ended_at or row.created_at)}  {about}: mailed"
    yield from (f"    {_delivery(each)}" for each in told.deliveries)


def _waits(until: datetime, barred: Reason | None) -> str:
    waits = "about to be mailed" if until <= clock.now() else f"waits until {printing.moment(until)}"
    return f"{waits}, and will not be mailed as things stand" if barred else waits


def _why(reason: str | None) -> str:
    known = {str(each): text for each, text in WHY.items()}
    return known.get(reason or "", f"of a defect of ours ({printing.plain(reason or '')})")


def _delivery(row: Delivery) -> str:
    ended = printing.moment(row.ended_at) if row.ended_at else "-"
    attempts = "1 attempt" if row.attempts == 1 else f"{row.attempts} attempts"
    stage = STAGES[Stage(row.stage)].format(ended=ended, later=printing.moment(row.not_before), attempts=attempts)
    answer = f"; the answer was: {printing.plain(row.reply)}" if row.reply and row.stage != Stage.CAPTURED else ""
    bounced = f"; it bounced at {printing.moment(row.bounced_at)}" if row.bounced_at else ""
    return f"to {printing.plain(row.address)} {stage}{answer}{bounced}"
