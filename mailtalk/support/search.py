"""Search for conversations by id, subject, text of a message, and the id, name or address of a participant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from psycopg.errors import QueryCanceled
from sqlalchemy import TextClause, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mailtalk.db import sql

MOST = 500  # conversations found of each kind; the rest is found by a longer query
PEOPLE = 200  # users found
TEXTS = 5_000  # messages found
BUDGET = "1500ms"  # for the texts of messages
INDEX = "ix_messages_words"
_WORDS = "to_tsvector('simple', left(text, 2000))"
_SUBJECTS = """CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_conversations_subject_parts
    ON conversations USING gin (subject gin_trgm_ops)"""
MAKE_INDEXES = (
    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {INDEX} ON messages USING gin ({_WORDS})",
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_users_name_parts ON users USING gin (name gin_trgm_ops)",
    _SUBJECTS,
)
DROP_INDEXES = tuple(
    f"DROP INDEX CONCURRENTLY IF EXISTS {index}"
    for index in (INDEX, "ix_users_name_parts", "ix_conversations_subject_parts")
)
_CHOSEN = """SELECT * FROM conversations c WHERE c.app_id = :app
    AND (CAST(:before AS timestamptz) IS NULL
        OR (coalesce(c.last_message_at, c.created_at), c.id) < (:before, CAST(:before_id AS text))) {also}
    ORDER BY coalesce(c.last_message_at, c.created_at) DESC, c.id DESC LIMIT :limit"""
_MATCHES = "AND c.id = ANY(CAST(:ids AS text[]))"
_LATEST = sql.load(__file__, "conversation_hits", chosen=_CHOSEN.format(also=""))
_AMONG = sql.load(__file__, "conversation_hits", chosen=_CHOSEN.format(also=_MATCHES))
_FIND = sql.load(__file__, "find_conversations")
_OF_TEXT = """SELECT DISTINCT conversation_id FROM (
    SELECT conversation_id FROM messages WHERE app_id = :app AND {} LIMIT :texts) m"""
_BY_WORDS = text(_OF_TEXT.format(f"{_WORDS} @@ CAST(:words AS tsquery)"))
_BY_PARTS = text(_OF_TEXT.format("text ILIKE ALL(CAST(:parts AS text[]))"))


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


class SearchResult(NamedTuple):
    """Hits of a search; `is_complete` is False if there was no time to look through all texts."""

    hits: Sequence[ConversationHit]
    is_complete: bool


class Place(NamedTuple):
    """Place in the list: after the conversation with this activity and id; with None at its beginning."""

    before: datetime | None
    before_id: str | None


NOWHERE = Place(None, None)


def latest(session: Session, app_id: str, limit: int, after: Place = NOWHERE) -> list[ConversationHit]:
    """Conversations of an app, the most recently active first; those after a place in this order."""
    return _hits(session, _LATEST, {"app": app_id, **after._asdict(), "limit": limit})


def find(session: Session, app_id: str, wanted: str, limit: int, after: Place = NOWHERE) -> SearchResult:
    """Conversations that match a query by id, subject, participant or text, the most recently active first.

    Every word must occur in one text. With the index of `MAKE_INDEXES` words are found by their beginnings, else any
    part is looked for, within a time budget.
    """
    terms = {"app": app_id, "wanted": wanted, "like": _like(wanted), "most": MOST, "people": PEOPLE}
    ids, of_text = set(session.scalars(_FIND, terms)), _of_text(session, app_id, wanted)
    found = {"ids": [*ids, *(of_text or ())]}
    return SearchResult(
        _hits(session, _AMONG, {"app": app_id, **after._asdict(), "limit": limit, **found}), of_text is not None
    )


def _of_text(session: Session, app_id: str, wanted: str) -> Sequence[str] | None:
    """Conversations with a message whose text matches; None if there was not enough time."""
    words = _prefixes(wanted)
    if not words:
        return ()
    is_indexed = session.scalar(text("SELECT to_regclass(:index)"), {"index": INDEX}) is not None
    values = {"app": app_id, "texts": TEXTS, "words": words, "parts": [_like(word) for word in wanted.split()]}
    try:
        with session.begin_nested():
            session.execute(text(f"SET LOCAL statement_timeout = '{BUDGET}'"))
            found = session.scalars(_BY_WORDS if is_indexed else _BY_PARTS, values).all()
    except OperationalError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        return None
    session.execute(text("SET LOCAL statement_timeout TO DEFAULT"))
    return found


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
