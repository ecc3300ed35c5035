"""Database connection of a command."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from cli import datadir
from mailtalk.db.database import Database
from mailtalk.settings.load import Settings

NO_SUCH_TABLE = ("42P01", "42703")  # or no such column


@contextmanager
def database(settings: Settings | None = None) -> Iterator[Database]:
    """Open the database, of these settings or the command's own; ClickException if tables are missing."""
    url = datadir.url_of(settings or datadir.settings("database_url"))
    with closing(Database(url, pool=2)) as opened:
        try:
            yield opened
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) not in NO_SUCH_TABLE:
                raise
            raise click.ClickException("the tables are missing or of another version; run: mailtalk migrate") from None


@contextmanager
def transaction(settings: Settings | None = None) -> Iterator[Session]:
    """Open the database for one transaction."""
    with database(settings) as opened, opened.transaction() as session:
        yield session
