"""`mailtalk console`: links that log in to the console."""

import click
from sqlalchemy import text

from cli import connect, datadir
from mailtalk import clock
from mailtalk.settings.load import Settings
from mailtalk.support import login_links, search

HELP = """Print a link that logs in to the console, the pages at /console.

\b
  mailtalk console link          prints a link that logs in as an operator, once, within a day
  mailtalk console index         makes the indexes by which the search finds words among millions of messages
  mailtalk console index --drop  removes them
"""


@click.group(help=HELP)
def console() -> None:
    """Print a link that logs in to the console."""


@console.command(name="link")
def print_link() -> None:
    """Print a link that logs in as an operator, once, within a day."""
    click.echo(link(datadir.settings("database_url", "secret_key")))


@console.command()
@click.option("--drop", is_flag=True, help="Remove them.")
def index(*, drop: bool) -> None:
    """Make the indexes by which the search finds words among millions of messages.

    Nothing waits for it. They cost about 0.4 ms for each new message; without them the search looks through all texts.
    """
    with connect.database() as database, database.single.connect() as connection:
        connection.execute(text("SET statement_timeout = 0"))
        for statement in search.DROP_INDEXES if drop else search.MAKE_INDEXES:
            connection.execute(text(statement))
    click.echo("The indexes are gone." if drop else "The indexes are made.")


def link(settings: Settings) -> str:
    """A new link."""
    with connect.transaction(settings) as session:
        return f"{settings.base_url}/console/enter/{login_links.make(session, clock.now())}"
