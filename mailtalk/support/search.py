"""Search for conversations by id, subject, text of a message, and the id, name or address of a participant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from mailtalk.db import sql

MOST = 500  # conversations found of each kind, the rest is found by a longer query
PEOPLE = 200  # users found
TEXTS = 5_000  # messages found
_CHOSEN = """SELECT * FROM conversations c WHERE c.app_id = :app
    AND (CAST(:before AS timestamptz) IS NULL OR coalesce(c.last_message_at, c.created_at) < :before) {also}
    ORDER BY coalesce(c.last_message_at, c.created_at) DESC, c.id DESC LIMIT :limit"""
_MATCHES = "AND c.id = ANY(CAST(:ids AS text[]))"
_LATEST = sql.load(__file__, "conversation_hits", chosen=_CHOSEN.format(also=""))
_AMONG = sql.load(__file__, "conversation_hits", chosen=_CHOSEN.format(also=_MATCHES))
_FIND = sql.load(__file__, "find_conversations")


@dataclass(frozen=True, slots=True)
class ConversationHit:
    """A conversation in a list: its last message, how many take part, and the names of the first of them."""

    id: str
    subject: str | None
    activity: datetime
    last_text: str | None
    last_sender: str | None
    last_origin: str | None
    participants: int
    names: Sequence[str]


def latest(session: Session, app_id: str, limit: int, before: datetime | None = None) -> list[ConversationHit]:
    """Conversations of an app, the most recently active first; those whose activity was before a time."""
    return _hits(session, _LATEST, {"app": app_id, "before": before, "limit": limit})


def find(
    session: Session, app_id: str, wanted: str, limit: int, before: datetime | None = None
) -> list[ConversationHit]:
    """Conversations that match a query, the most recently active first. Each word may be the start of one."""
    terms = {"wanted": wanted, "like": _like(wanted), "words": _prefixes(wanted)}
    bounds = {"most": MOST, "people": PEOPLE, "texts": TEXTS}
    ids = list(session.scalars(_FIND, {"app": app_id, **terms, **bounds}))
    return _hits(session, _AMONG, {"app": app_id, "before": before, "limit": limit, "ids": ids})


def _hits(session: Session, statement: TextClause, values: dict[str, object]) -> list[ConversationHit]:
    return [ConversationHit(*row) for row in session.execute(statement, values)]


def _like(wanted: str) -> str:
    """Pattern for text that contains the query."""
    escaped = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _prefixes(wanted: str) -> str:
    """Full-text query: words that all occur, each perhaps only in its beginning."""
    words = ["".join(c for c in word if c.isalnum() or c in "@.-_") for word in wanted.split()]
    return " & ".join(f"'{word}':*" for word in words if any(c.isalnum() for c in word))
