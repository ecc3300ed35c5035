"""Keys of conversations and participants as values."""

from typing import NamedTuple


class ConversationKey(NamedTuple):
    """A conversation: its app, and its id within the app."""

    app_id: str
    id: str


class ParticipantKey(NamedTuple):
    """A participant: the conversation, and the user's id within the app."""

    conversation: ConversationKey
    user_id: str
