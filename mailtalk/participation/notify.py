"""The notify rule: the users to whom a message is mailed, or the reason why not; in Python, and as SQL fragments.

Python decides for one message when a mail is made. Set-based statements (closing a window, claiming deliveries) are
built from the same conditions in SQL: of a participation `p`, a message `m`, and the parameter `:now`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, MessageType, Notify, Origin, Reason


class Written(Protocol):
    """Columns of a message that the rule needs."""

    @property
    def seq(self) -> int:
        """Its number in the conversation."""

    @property
    def type(self) -> str:
        """A `MessageType` value."""

    @property
    def origin(self) -> str:
        """An `Origin` value."""

    @property
    def sender_id(self) -> str | None:
        """Author; None for a system message."""

    @property
    def mentions(self) -> Collection[str]:
        """Ids of the mentioned users."""


def why_not(user_id: str, state: State, read_seq: int, message: Written, now: datetime) -> Reason | None:
    """The first reason not to mail this message to this user now; None if it is mailed."""
    return next(iter(reasons(user_id, state, read_seq, message, now)), None)


def reasons(user_id: str, state: State, read_seq: int, message: Written, now: datetime) -> list[Reason]:
    """All reasons not to mail this message to this user now."""
    conditions = (
        (Reason.LEFT, not state.present),
        (Reason.ACCESS_NONE, state.access is Access.NONE),
        (Reason.NEVER_NOTIFIES, message.type == MessageType.SYSTEM or message.origin == Origin.IMPORT),
        (Reason.OWN_MESSAGE, message.sender_id == user_id),
        (Reason.ALREADY_READ, message.seq <= read_seq),
        (Reason.MUTED, state.mute_until is not None and now < state.mute_until),
        (Reason.NOTIFY_OFF, state.notify is Notify.OFF),
        (Reason.NOT_MENTIONED, state.notify is Notify.MENTIONS_ONLY and user_id not in message.mentions),
    )
    return [reason for reason, holds in conditions if holds]


def bars(user_id: str, state: State, now: datetime) -> list[Reason]:
    """All reasons not to mail this user any message now; empty if a message that mentions them would be mailed."""
    return reasons(user_id, state, 0, _Mention(mentions=(user_id,)), now)


@dataclass(frozen=True, slots=True)
class _Mention:
    """A new message without an author that mentions its reader, so that only the reader's own state can bar it."""

    mentions: Collection[str]
    seq: int = 1
    type: str = MessageType.USER
    origin: str = Origin.REST
    sender_id: str | None = None


# The conditions of `why_not` in SQL, in its order.
_ONLY_MENTIONS = f"p.notify = '{Notify.MENTIONS_ONLY}'"
_CONDITIONS = {
    Reason.LEFT: "NOT p.present",
    Reason.ACCESS_NONE: f"p.access = '{Access.NONE}'",
    Reason.NEVER_NOTIFIES: f"m.type = '{MessageType.SYSTEM}' OR m.origin = '{Origin.IMPORT}'",
    Reason.OWN_MESSAGE: "m.sender_id = p.user_id",
    Reason.ALREADY_READ: "m.seq <= p.read_seq",
    Reason.MUTED: "p.mute_until > :now",
    Reason.NOTIFY_OFF: f"p.notify = '{Notify.OFF}'",
    Reason.NOT_MENTIONED: f"{_ONLY_MENTIONS} AND NOT p.user_id = ANY(m.mentions)",
}


def case(*reasons: Reason) -> str:
    """SQL: the first of these reasons that holds, NULL if none does."""
    whens = (f"WHEN {condition} THEN '{reason}'" for reason, condition in _CONDITIONS.items() if reason in reasons)
    return f"CASE {' '.join(whens)} END"


TAKES_PART = f"(p.present AND p.access <> '{Access.NONE}')"
WHY_NOT = case(*_CONDITIONS)  # of p and m
BARRED = case(Reason.LEFT, Reason.ACCESS_NONE, Reason.MUTED, Reason.NOTIFY_OFF)  # of p: `barred` in SQL
NOTIFIES = f"NOT ({_CONDITIONS[Reason.NEVER_NOTIFIES]})"  # of m, whoever the reader
BARRED_UNLESS_MENTIONED = f"coalesce({BARRED}, CASE WHEN {_ONLY_MENTIONS} THEN '{Reason.NOT_MENTIONED}' END)"  # of p
