"""Keys as parameters of statements: one key, or many as arrays for `unnest` in set-based statements."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Text, cast, func
from sqlalchemy.sql.selectable import TableValuedAlias

from mailtalk.ids import ConversationKey, ParticipantKey


def of_conversation(key: ConversationKey) -> dict[str, str]:
    """Parameters `app` and `conversation`."""
    return {"app": key.app_id, "conversation": key.id}


def of_participant(key: ParticipantKey) -> dict[str, str]:
    """Parameters `app`, `conversation` and `user`."""
    return of_conversation(key.conversation) | {"user": key.user_id}


def of_conversations(keys: Iterable[ConversationKey]) -> dict[str, Any]:
    """Parameters `apps` and `ids`, one element per conversation."""
    rows = list(keys)
    return {"apps": [key.app_id for key in rows], "ids": [key.id for key in rows]}


def of_participants(keys: Iterable[ParticipantKey]) -> dict[str, Any]:
    """Parameters `apps`, `ids` and `users`, one element per participant."""
    rows = list(keys)
    return of_conversations(key.conversation for key in rows) | {"users": [key.user_id for key in rows]}


def table(keys: Iterable[tuple[str, str]]) -> TableValuedAlias:
    """Table of (app_id, id) to join with a model."""
    rows = list(keys)
    apps, ids = (cast([row[i] for row in rows], ARRAY(Text)) for i in (0, 1))
    return func.unnest(apps, ids).table_valued("app_id", "id").render_derived("key")
