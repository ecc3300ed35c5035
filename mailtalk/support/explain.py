"""Explanations: what became of each notification of one participant, and what holds for the next message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from mailtalk.conversations import apps, conversations
from mailtalk.errors import ErrorCode, Invalid, NotFound
from mailtalk.ids import ParticipantKey
from mailtalk.models import Change, Conversation, Delivery, Notification, Participation, Suppression, User
from mailtalk.outbound import suppressions
from mailtalk.vocabulary import Access, ChangeStatus, Frequency, NotificationStatus, Notify, Reason

# Of those that ended their own messages, of one that waits all that are not settled yet.
_MESSAGES = text("""
    SELECT n.id, ARRAY(
        SELECT m.id FROM messages m WHERE m.app_id = n.app_id AND m.conversation_id = n.conversation_id
            AND m.type = 'UserMessage' AND m.origin <> 'import'
            AND m.seq >= CASE n.status WHEN 'open' THEN greatest(n.from_seq, p.mailed_seq + 1) ELSE lower(n.seqs) END
            AND (n.status = 'open' OR n.seqs @> m.seq AND m.seq < upper(n.seqs)) ORDER BY m.seq) AS messages
    FROM notifications n JOIN participations p USING (app_id, conversation_id, user_id)
    WHERE n.app_id = :app AND n.id = ANY(:ids)""")


@dataclass(frozen=True, slots=True)
class Told:
    """A notification, the ids of its messages, and its mails."""

    notification: Notification
    messages: Sequence[str]
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand for one participant: what keeps the next message from being mailed, nothing or the first.

    `frequency` is their own, or the app's for who has none.
    """

    conversation: Conversation
    participation: Participation
    user: User
    barred: Reason | None
    frequency: Frequency
    last_change: Change | None
    suppressed: Sequence[Suppression]  # of their addresses


def page(session: Session, key: ParticipantKey, *, limit: int, before: int | None = None) -> list[Told]:
    """A participant's notifications, newest first, those before an id; who left has them too."""
    _participation(session, key)
    query = select(Notification).filter_by(**_columns(key))
    if before is not None:
        if session.scalar(query.where(Notification.id == before)) is None:
            raise Invalid({"startingAfter": ["is no notification of this participant"]})
        query = query.where(Notification.id < before)
    found = session.scalars(query.order_by(Notification.id.desc()).limit(limit)).all()
    ids = [each.id for each in found]
    messages = _messages(session, key.app_id, ids)
    mails = _mails(session, select(Delivery).filter_by(**_columns(key)).where(Delivery.notification_id.in_(ids)))
    return [Told(each, messages[each.id], _mails_of(each, mails)) for each in found]


def _mails_of(row: Notification, mails: Mapping[int | None, Sequence[Delivery]]) -> Sequence[Delivery]:
    """Those of one that was made when it was read: its mails may have been made a moment later."""
    return () if row.status == NotificationStatus.OPEN else mails.get(row.id, ())


def standing(session: Session, now: datetime, key: ParticipantKey) -> Standing:
    """How things stand for one who takes part or took part."""
    row = _participation(session, key)
    user = session.get_one(User, (key.app_id, key.user_id))
    changes = select(Change).filter_by(**_columns(key))
    last = session.scalar(
        changes.where(Change.status == ChangeStatus.APPLIED).order_by(Change.applied_seq.desc()).limit(1)
    )
    conversation = conversations.get(session, key.conversation)
    suppressed = suppressions.of(session, now, key.app_id, user.emails or ())
    barred = _barred(row, user, now, suppressed)
    return Standing(conversation, row, user, barred, _frequency(session, row), last, suppressed)


def _participation(session: Session, key: ParticipantKey) -> Participation:
    conversations.get(session, key.conversation)
    row = session.get(Participation, (*key.conversation, key.user_id))
    if row is None:
        raise NotFound({"userId": [f"{key.user_id!r} never was a participant"]}, ErrorCode.PARTICIPANT_NOT_FOUND)
    return row


def _columns(key: ParticipantKey) -> dict[str, str]:
    return {"app_id": key.app_id, "conversation_id": key.conversation.id, "user_id": key.user_id}


def _messages(session: Session, app_id: str, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    return {row.id: row.messages for row in session.execute(_MESSAGES, {"app": app_id, "ids": ids})}


def _mails(session: Session, query: Select[Delivery]) -> Mapping[int | None, Sequence[Delivery]]:
    found: dict[int | None, list[Delivery]] = {}
    for each in session.scalars(query.order_by(Delivery.address)):
        found.setdefault(each.notification_id, []).append(each)
    return found


def _frequency(session: Session, row: Participation) -> Frequency:
    own = Frequency(row.frequency)
    return Frequency(apps.found(session, row.app_id).frequency) if own is Frequency.DEFAULT else own


def _barred(row: Participation, user: User, now: datetime, suppressed: Sequence[Suppression]) -> Reason | None:
    reachable = {each.lower() for each in user.emails or ()} - {each.address for each in suppressed}
    reasons = (
        (Reason.LEFT, not row.present),
        (Reason.ACCESS_NONE, row.access == Access.NONE),
        (Reason.MUTED, row.mute_until is not None and now < row.mute_until),
        (Reason.NOTIFY_OFF, row.notify == Notify.OFF),
        (Reason.NO_ADDRESS, not user.emails),
        (Reason.SUPPRESSED, not reachable),
    )
    return next((reason for reason, holds in reasons if holds), None)
