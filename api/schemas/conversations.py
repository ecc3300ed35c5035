"""Conversations: the body of a PUT, and a conversation in a user's list."""

import msgspec
from msgspec import UNSET, UnsetType

from api.schemas.types import Id, Text
from mailtalk.events.schemas import Conversation


class ConversationUpdate(msgspec.Struct, rename="camel"):
    """Fields of a conversation to set. Null clears a field, an absent one is unchanged; `participants` adds users."""

    subject: Text = UNSET
    photo_url: Text = UNSET
    welcome_messages: list[str] | UnsetType | None = UNSET
    custom: dict[str, str | None] | UnsetType | None = UNSET
    participants: list[Id] | UnsetType | None = UNSET

    def columns(self) -> dict[str, object]:
        """Given fields, by column."""
        names = [name for name in self.__struct_fields__ if name != "participants"]
        return {name: value for name in names if (value := getattr(self, name)) is not UNSET}


class UserConversation(Conversation, rename="camel", kw_only=True):
    """A conversation in a user's list, as this user may see it."""

    unread_message_count: int
    is_unread: bool
