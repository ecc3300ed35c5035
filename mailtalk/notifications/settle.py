"""Fates: when a notification is made, each of its messages is settled: it is mailed, or the reason why not is kept."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from mailtalk.models import Message, Notification
from mailtalk.notifications.batch import Due
from mailtalk.participation.notify import why_not
from mailtalk.participation.state import state as as_state
from mailtalk.vocabulary import NotificationStatus, Reason

Sorted = dict[Reason | None, list[Message]]


def settle(
    session: Session, due: Due, fresh: Sequence[Message], now: datetime, *, reachable: bool = True
) -> tuple[list[Message], Reason | None]:
    """Settle these messages, all that are new to the reader: those they want, and the reason why none is mailed.

    The notification ends with the messages that are mailed, or would be, or else with those of one reason; those for
    which another reason holds have rows of their own.
    """
    found = _sorted_out(due, fresh, now)
    wanted = found.pop(None, [])
    reason = _unreachable(due, reachable=reachable) if wanted else next(iter(found), Reason.NOTHING_LEFT)
    told = wanted or found.pop(reason, [])
    due.notification.seqs = _seqs(told)
    due.participation.mailed_seq = max([due.participation.mailed_seq, *(message.seq for message in fresh)])
    session.add_all(_ended(due, each, messages, now) for each, messages in found.items())
    return wanted, reason


def _sorted_out(due: Due, fresh: Sequence[Message], now: datetime) -> Sorted:
    state = as_state(due.participation)
    found: Sorted = {}
    for message in fresh:
        reason = why_not(due.user.id, state, due.participation.read_seq, message, now)
        found.setdefault(reason, []).append(message)
    found.pop(Reason.NEVER_NOTIFIES, None)
    return found


def _unreachable(due: Due, *, reachable: bool) -> Reason | None:
    if not due.user.emails:
        return Reason.NO_ADDRESS
    return None if reachable else Reason.SUPPRESSED


def _ended(due: Due, reason: Reason | None, messages: Sequence[Message], now: datetime) -> Notification:
    return Notification(
        app_id=due.app.id,
        conversation_id=due.conversation.id,
        user_id=due.user.id,
        status=NotificationStatus.CANCELLED,
        reason=reason,
        seqs=_seqs(messages),
        from_seq=messages[0].seq,
        not_before=now,
        created_at=now,
        ended_at=now,
    )


def _seqs(messages: Sequence[Message]) -> list[Range[int]]:
    return [Range(message.seq, message.seq + 1) for message in messages]  # PostgreSQL joins what touches
