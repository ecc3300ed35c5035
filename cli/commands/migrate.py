"""`mailtalk migrate`: upgrades the tables to the version that this code needs."""

from contextlib import closing

import click
from alembic.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from cli import datadir
from mailtalk.db import database as db_database
from mailtalk.errors import Unavailable
from mailtalk.settings.load import Settings


@click.command()
def migrate() -> None:
    """Upgrade the tables to the newest version.

    Safe to run at any time, also by several processes at once.
    """
    migrate_tables(datadir.settings("database_url"))


def migrate_tables(settings: Settings) -> None:
    """Upgrade the tables, and print the versions before and after."""
    with closing(db_database.Database(datadir.url_of(settings))) as database:
        try:
            before, after = _migrate(database)
        except OperationalError as error:
            raise Unavailable(f"the database does not answer: {error.orig}") from error
        address = f"{database.url.host}:{database.url.port or 5432}/{database.url.database}"
    if before == after:
        click.echo(f"Tables of {address} are already at version {after}")
    else:
        click.echo(f"Tables of {address} upgraded from {before or 'nothing'} to version {after}")


def _migrate(database: db_database.Database) -> tuple[str | None, str | None]:
    before = _version(database)
    db_database.migrate(database.url.render_as_string(hide_password=False))
    return before, _version(database)


def _version(database: db_database.Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
