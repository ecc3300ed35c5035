"""Count what a piece of work asks of the database: its statements and commits must not grow with its rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from mailtalk.db.database import Database


@dataclass
class Statements:
    """The SQL texts in their order (one `executemany` is one text) and the number of commits."""

    texts: list[str] = field(default_factory=list)
    commits: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        """Statements and commits, for a comparison of two batches."""
        return len(self.texts), self.commits


@contextmanager
def counted(database: Database) -> Iterator[Statements]:
    """Record every statement and commit of the database's engine, of all threads, while the block runs."""
    statements = Statements()

    def executed(_connection: Any, _cursor: Any, text: str, *_more: Any) -> None:
        statements.texts.append(text)

    def committed(_connection: Any) -> None:
        statements.commits += 1

    event.listen(database.engine, "before_cursor_execute", executed)
    event.listen(database.engine, "commit", committed)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", executed)
        event.remove(database.engine, "commit", committed)
