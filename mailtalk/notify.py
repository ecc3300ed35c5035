"""The whole notify rule: which message is mailed to whom."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from mailtalk.participation import State
from mailtalk.vocabulary import MessageType, Notify, Origin


class Written(Protocol):
    """What the rule needs to know of a message."""

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


def wants_mail(user_id: str, state: State, message: Written, now: datetime) -> bool:
    """Whether this message is mailed to this user, as things stand now.

    Nobody is mailed their own message; system and imported messages never notify; who left or has access None gets
    none; nor does who muted the conversation until later.
    """
    if not state.active or message.sender_id == user_id:
        return False
    if message.type == MessageType.SYSTEM or message.origin == Origin.IMPORT:
        return False
    if state.mute_until is not None and now < state.mute_until:
        return False
    if state.notify is Notify.MENTIONS_ONLY:
        return user_id in message.mentions
    return state.notify is Notify.ALL
