"""`mailtalk migrate`: the tables, at the version that this code needs."""

from contextlib import closing

import click
from alembic.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from cli.datadir import url_of
from mailtalk.db import database as db_database
from mailtalk.errors import Unavailable
from mailtalk.settings.load import Settings


def migrate(settings: Settings) -> None:
    """Bring the tables to the newest version, and say what was done."""
    with closing(db_database.Database(url_of(settings))) as database:
        try:
            before, after = _migrate(database)
        except OperationalError as error:
            raise Unavailable(f"the database does not answer: {error.orig}") from error
        where = f"{database.url.host}:{database.url.port or 5432}/{database.url.database}"
    done = (
        f"are at version {after} already" if before == after else f"went from {before or 'nothing'} to version {after}"
    )
    click.echo(f"Tables of {where} {done}")


def _migrate(database: db_database.Database) -> tuple[str | None, str | None]:
    before = _version(database)
    db_database.migrate(database.url.render_as_string(hide_password=False))
    return before, _version(database)


def _version(database: db_database.Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
