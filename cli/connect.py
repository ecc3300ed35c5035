"""The database, for commands that look something up or change it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from cli.datadir import url_of
from mailtalk.db.database import Database
from mailtalk.settings.load import Settings

NO_SUCH_TABLE = ("42P01", "42703")  # or no such column


@contextmanager
def database(settings: Settings) -> Iterator[Database]:
    """Give the database and close it in the end; tables of another version are told with what to do."""
    with closing(Database(url_of(settings), pool=2)) as opened:
        try:
            yield opened
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) not in NO_SUCH_TABLE:
                raise
            raise click.ClickException("the tables are missing or of another version; run: mailtalk migrate") from None


@contextmanager
def transaction(settings: Settings) -> Iterator[Session]:
    """Give one transaction of it."""
    with database(settings) as opened, opened.transaction() as session:
        yield session
