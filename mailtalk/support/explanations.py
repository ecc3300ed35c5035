"""Explanations in plain words: why someone was mailed, was not, or is not yet, and the stage of each mail."""

from collections.abc import Iterator
from datetime import datetime

from mailtalk import clock
from mailtalk.models import Delivery, Suppression
from mailtalk.support.deliveries import DeliveryReport
from mailtalk.support.explain import NotificationReport, ParticipantStatus
from mailtalk.support.printable import moment, plain
from mailtalk.vocabulary import (
    MADE_ANEW,
    DeliveryKind,
    Frequency,
    MailChange,
    NotificationStatus,
    Notify,
    Reason,
    Stage,
    Suspicion,
)

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
    Reason.LEFT: "they left the conversation",
    Reason.ACCESS_NONE: "their access is None",
    Reason.MUTED: "they muted the conversation until {until}",
    Reason.NOTIFY_OFF: "their notify is false",
    Reason.NO_ADDRESS: "they have no email address",
    Reason.SUPPRESSED: "mail to all their addresses is suppressed",
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
CHANGES = {
    MailChange.MESSAGES: "its messages changed while it waited",
    MailChange.ADDRESS: "the address was no longer theirs",
    MailChange.REPLY_ADDRESS: "its reply address no longer worked, or they may write now",
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
    Stage.CANCELLED: "was cancelled at {ended}",
    Stage.OUTDATED: "is made anew",
}


def next_message(status: ParticipantStatus) -> str:
    """What would become of the next message, with all reasons why it would not be mailed."""
    row = status.participation
    if not status.bars:
        which = ", if it mentions them," if row.notify == Notify.MENTIONS_ONLY else ""
        return f"from someone else{which} is mailed {WHEN[status.frequency]}"
    until = moment(row.mute_until) if row.mute_until else ""
    return "is not mailed: " + "; and ".join(BARRED[reason].format(until=until) for reason in status.bars)


def suppression(row: Suppression) -> str:
    """Why an address gets no mail, and until when."""
    reason = Suspicion(row.reason)
    until = None if reason is Suspicion.COMPLAINED else row.until
    ends = moment(until) if until else "someone releases it"
    return f"Nothing is sent to {plain(row.address)} until {ends}: {AGAINST[reason]}."


def outcome(entry: NotificationReport, status: ParticipantStatus) -> Iterator[str]:
    """Describe the outcome of one notification, line by line."""
    row = entry.notification
    about = f"{len(entry.messages)} message" + ("" if len(entry.messages) == 1 else "s")
    if row.status == NotificationStatus.OPEN:
        yield f"{moment(row.created_at)}  {about}: {_waiting(row.not_before, barred=bool(status.bars))}"
    elif row.status == NotificationStatus.CANCELLED:
        yield f"{moment(row.ended_at or row.created_at)}  {about}: not mailed, because {_why(row.reason)}"
    else:
        yield f"{moment(row.ended_at or row.created_at)}  {about}: mailed"
    yield from (f"    {delivery(mail)}" for mail in entry.deliveries)


def delivery(row: Delivery | DeliveryReport) -> str:
    """Describe the stage of a mail, and the relay's answer."""
    ended = moment(row.ended_at) if row.ended_at else "-"
    attempts = "1 attempt" if row.attempts == 1 else f"{row.attempts} attempts"
    stage = STAGES[Stage(row.stage)].format(ended=ended, later=moment(row.not_before), attempts=attempts)
    answer = _answer(Stage(row.stage), plain(row.reply or ""))
    bounced = f"; it bounced at {moment(row.bounced_at)}" if row.bounced_at else ""
    what = "in a digest to" if row.kind == DeliveryKind.DIGEST else "to"
    return f"{what} {plain(row.address)} {stage}{answer}{bounced}"


def _waiting(until: datetime, *, barred: bool) -> str:
    waits = "about to be mailed" if until <= clock.now() else f"waits until {moment(until)}"
    return f"{waits}, and will not be mailed as things stand" if barred else waits


def _why(reason: str | None) -> str:
    known = {str(each): text for each, text in WHY.items()}
    return known.get(reason or "", f"of an internal error ({plain(reason or '')})")


def _answer(stage: Stage, reply: str) -> str:
    if not reply or stage is Stage.CAPTURED:
        return ""
    if stage is not Stage.CANCELLED:
        return f"; the reply was: {reply}"
    known = {str(each): text for texts in (WHY, CHANGES) for each, text in texts.items()}
    is_anew, change = reply.startswith(MADE_ANEW), reply.removeprefix(MADE_ANEW)
    why = f", because {known[change]}" if change in known else f": {reply}"
    return f"{why}; another mail took its place" if is_anew else why
