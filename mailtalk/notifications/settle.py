"""The end of a notification, decided on values: each of its messages is mailed, or the reason why not is kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from mailtalk.models import Message
from mailtalk.notifications.batch import DueNotification, Recipient
from mailtalk.participation.notify import why_not
from mailtalk.participation.state import state
from mailtalk.vocabulary import Reason

ByReason = dict[Reason | None, list[Message]]


class Settlement(NamedTuple):
    """How a notification ends.

    `wanted`: messages that the reader wants. `reason`: why none is mailed. `told`: the messages that the notification
    ends with, which are `wanted`, or those of one reason. `others`: messages of other reasons. `last_seq`: all messages
    up to here are settled.
    """

    wanted: Sequence[Message]
    reason: str | None
    told: Sequence[Message]
    others: ByReason
    last_seq: int


def settle(notification: DueNotification, fresh: Sequence[Message], now: datetime, *, is_reachable: bool) -> Settlement:
    """Decide on all messages that are new to the reader."""
    recipient = notification.recipient
    others = _by_reason(recipient, fresh, now)
    wanted = others.pop(None, [])
    reason = _unreachable(recipient, is_reachable=is_reachable) if wanted else next(iter(others), Reason.NOTHING_LEFT)
    told = wanted or others.pop(reason, [])
    return Settlement(wanted, reason, told, others, max([recipient.mailed_seq, *(message.seq for message in fresh)]))


def _by_reason(recipient: Recipient, fresh: Sequence[Message], now: datetime) -> ByReason:
    """The messages by the reason why they are not mailed; None for those that are."""
    rules, found = state(recipient), ByReason()
    for message in fresh:
        reason = why_not(recipient.user_id, rules, recipient.read_seq, message, now)
        found.setdefault(reason, []).append(message)
    found.pop(Reason.NEVER_NOTIFIES, None)
    return found


def _unreachable(recipient: Recipient, *, is_reachable: bool) -> Reason | None:
    if not recipient.emails:
        return Reason.NO_ADDRESS
    return None if is_reachable else Reason.SUPPRESSED
