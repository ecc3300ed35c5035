"""A door with a group commit behind it, and a table that takes anything but what is bad."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session
from support.sql import column

from mailtalk.db.database import Database
from mailtalk.db.group_commit import GroupCommit

Door = GroupCommit[str, str]


def write(session: Session, items: Sequence[str]) -> list[str]:
    session.execute(text("INSERT INTO kept SELECT unnest(CAST(:items AS text[]))"), {"items": list(items)})
    return [item.upper() for item in items]


@asynccontextmanager
async def door(database: Database, bells: list[int] | None = None) -> AsyncIterator[Door]:
    opened = Door(database, write, lambda: (bells if bells is not None else []).append(1))
    yield opened
    await opened.close()


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Somebody else holds the table: what is written waits."""
    with database.engine.begin() as connection:
        connection.execute(text("LOCK TABLE kept"))
        yield


def everything(database: Database) -> list[str]:
    return sorted(column(database, "SELECT item FROM kept"))
