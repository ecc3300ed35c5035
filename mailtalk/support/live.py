"""Marks of conversations: a value that changes when something happens that a page about the conversation shows."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from mailtalk.db import arrays, sql
from mailtalk.ids import ConversationKey

Mark = tuple[Any, ...]
_MARKS = sql.load(__file__, "marks")


def marks(session: Session, keys: Iterable[ConversationKey]) -> Mapping[ConversationKey, Mark]:
    """Mark of each of these conversations, in one statement; none for a conversation that does not exist."""
    rows = session.execute(_MARKS, arrays.of_conversations(keys))
    return {ConversationKey(row[0], row[1]): tuple(row[2:]) for row in rows}
