"""End of a notification, computed from values: each of its messages is mailed, or the reason why not is recorded."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from mailtalk.notifications.batch import Heading
from mailtalk.notifications.due import DueNotification, Recipient
from mailtalk.participation.notify import why_not
from mailtalk.participation.state import state
from mailtalk.vocabulary import Reason

ByReason = dict[Reason | None, list[Heading]]


class Settlement(NamedTuple):
    """Result of a notification.

    `wanted`: messages that the reader wants. `reason`: why none is mailed. `told`: messages of the ended notification,
    either `wanted` or those of one reason. `others`: messages of other reasons. `last_seq`: all messages up to here are
    settled.
    """

    wanted: Sequence[Heading]
    reason: str | None
    told: Sequence[Heading]
    others: ByReason
    last_seq: int


def settle(notification: DueNotification, fresh: Sequence[Heading], now: datetime, *, is_reachable: bool) -> Settlement:
    """Settle all messages that are new to the reader."""
    recipient = notification.recipient
    others = _by_reason(recipient, fresh, now)
    wanted = others.pop(None, [])
    reason = _unreachable(recipient, is_reachable=is_reachable) if wanted else next(iter(others), Reason.NOTHING_LEFT)
    told = wanted or others.pop(reason, [])
    return Settlement(wanted, reason, told, others, _last_seq(recipient, fresh))


def unsettled(notification: DueNotification, fresh: Sequence[Heading]) -> Settlement:
    """All messages under one reason, still to be set: for a notification that cannot be settled."""
    return Settlement([], None, fresh, {}, _last_seq(notification.recipient, fresh))


def ranges(messages: Sequence[Heading]) -> Multirange[int]:
    """Numbers of messages, which are in order, as ranges."""
    bounds: list[tuple[int, int]] = []
    for message in messages:
        start = bounds.pop()[0] if bounds and bounds[-1][1] == message.seq else message.seq
        bounds.append((start, message.seq + 1))
    return Multirange([Range(*pair) for pair in bounds])


def _last_seq(recipient: Recipient, fresh: Sequence[Heading]) -> int:
    return max([recipient.mailed_seq, *(message.seq for message in fresh)])


def _by_reason(recipient: Recipient, fresh: Sequence[Heading], now: datetime) -> ByReason:
    """Messages by the reason why they are not mailed; None for those that are."""
    rules, by_reason = state(recipient), ByReason()
    for message in fresh:
        reason = why_not(recipient.user_id, rules, recipient.read_seq, message, now)
        by_reason.setdefault(reason, []).append(message)
    by_reason.pop(Reason.NEVER_NOTIFIES, None)
    return by_reason


def _unreachable(recipient: Recipient, *, is_reachable: bool) -> Reason | None:
    if not recipient.emails:
        return Reason.NO_ADDRESS
    return None if is_reachable else Reason.SUPPRESSED
