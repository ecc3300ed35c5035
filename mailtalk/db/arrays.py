"""Keys as arrays, which set-based statements join by `unnest`."""

from collections.abc import Iterable

from mailtalk.ids import ConversationKey, ParticipantKey


def of_conversations(keys: Iterable[ConversationKey]) -> dict[str, list[str]]:
    """Parameters `apps` and `ids`, one element per conversation."""
    rows = list(keys)
    return {"apps": [key.app_id for key in rows], "ids": [key.id for key in rows]}


def of_participants(keys: Iterable[ParticipantKey]) -> dict[str, list[str]]:
    """Parameters `apps`, `ids` and `users`, one element per participant."""
    rows = list(keys)
    return of_conversations(key.conversation for key in rows) | {"users": [key.user_id for key in rows]}
