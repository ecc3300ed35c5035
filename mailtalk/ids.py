"""Ids: keys of conversations and participants as values, and the prefixed ids of the wire (`chg_7`)."""

import re
import secrets
from dataclasses import dataclass
from typing import NamedTuple


class ConversationKey(NamedTuple):
    """Key of a conversation: its app, and its id within the app."""

    app_id: str
    id: str


class ParticipantKey(NamedTuple):
    """Key of a participant: the conversation, and the user's id within the app."""

    conversation: ConversationKey
    user_id: str

    @classmethod
    def of(cls, app_id: str, conversation_id: str, user_id: str) -> "ParticipantKey":
        """Key from three ids."""
        return cls(ConversationKey(app_id, conversation_id), user_id)

    @property
    def app_id(self) -> str:
        """The app."""
        return self.conversation.app_id


@dataclass(frozen=True, slots=True)
class PublicId:
    """Public form of a table's numeric ids: a prefix and up to 18 digits, which always fit a bigint."""

    prefix: str
    noun: str

    def show(self, number: int) -> str:
        """Id with its prefix: `CHANGE.show(7)` is `"chg_7"`."""
        return f"{self.prefix}{number}"

    def read(self, text: str) -> int | None:
        """Number of an id with its prefix; None for any other text."""
        return int(text.removeprefix(self.prefix)) if re.fullmatch(self.pattern, text) else None

    @property
    def pattern(self) -> str:
        """Regular expression for these ids, as in JSON Schema."""
        return f"^{self.prefix}[0-9]{{1,18}}$"


CHANGE = PublicId("chg_", "change")
MAIL = PublicId("mail_", "mail")
NOTIFICATION = PublicId("ntf_", "notification")
DELIVERY = PublicId("dlv_", "delivery")
EVENT = PublicId("evt_", "event")


def new_message_id() -> str:
    """Random id of a new message; its key in the database is the conversation's `seq`."""
    return f"msg_{secrets.token_urlsafe(16)}"
