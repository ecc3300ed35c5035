"""The whole notify rule: which message is mailed to whom, and why another is not."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from mailtalk.participation.rules import State
from mailtalk.vocabulary import Access, MessageType, Notify, Origin, Reason


class Written(Protocol):
    """What the rule needs to know of a message."""

    @property
    def seq(self) -> int:
        """Its place in the conversation."""

    @property
    def type(self) -> str:
        """UserMessage or SystemMessage."""

    @property
    def origin(self) -> str:
        """Where it came from."""

    @property
    def sender_id(self) -> str | None:
        """Who wrote it; nobody for the system's."""

    @property
    def mentions(self) -> Collection[str]:
        """The users it mentions."""


def why_not(user_id: str, state: State, read_seq: int, message: Written, now: datetime) -> Reason | None:
    """Why this message is not mailed to this user, as things stand now; None: it is.

    Nobody is mailed their own message, or one they have read; system and imported messages never notify; who left or
    has access None gets none; nor does who muted the conversation until later.
    """
    reasons = (
        (Reason.LEFT, not state.present),
        (Reason.ACCESS_NONE, state.access is Access.NONE),
        (Reason.NEVER_NOTIFIES, message.type == MessageType.SYSTEM or message.origin == Origin.IMPORT),
        (Reason.OWN_MESSAGE, message.sender_id == user_id),
        (Reason.ALREADY_READ, message.seq <= read_seq),
        (Reason.MUTED, state.mute_until is not None and now < state.mute_until),
        (Reason.NOTIFY_OFF, state.notify is Notify.OFF),
        (Reason.NOT_MENTIONED, state.notify is Notify.MENTIONS_ONLY and user_id not in message.mentions),
    )
    return next((reason for reason, holds in reasons if holds), None)
