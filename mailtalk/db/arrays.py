"""Keys as parameters of statements: of one key, or of many as arrays, which set-based statements join by `unnest`."""

from collections.abc import Iterable

from mailtalk.ids import ConversationKey, ParticipantKey


def of_participant(key: ParticipantKey) -> dict[str, str]:
    """Parameters `app`, `conversation` and `user`."""
    return of_conversation(key.conversation) | {"user": key.user_id}


def of_conversation(key: ConversationKey) -> dict[str, str]:
    """Parameters `app` and `conversation`."""
    return {"app": key.app_id, "conversation": key.id}


def of_conversations(keys: Iterable[ConversationKey]) -> dict[str, list[str]]:
    """Parameters `apps` and `ids`, one element per conversation."""
    rows = list(keys)
    return {"apps": [key.app_id for key in rows], "ids": [key.id for key in rows]}


def of_participants(keys: Iterable[ParticipantKey]) -> dict[str, list[str]]:
    """Parameters `apps`, `ids` and `users`, one element per participant."""
    rows = list(keys)
    return of_conversations(key.conversation for key in rows) | {"users": [key.user_id for key in rows]}
