"""`mailtalk console`: links that log in to the console."""

import click

from cli import connect, datadir
from mailtalk import clock
from mailtalk.settings.load import Settings
from mailtalk.support import login_links

HELP = """Print a link that logs in to the console, the pages at /console.

\b
  mailtalk console link        prints a link that logs in as an operator, once, within a day
"""


@click.group(help=HELP)
def console() -> None:
    """Print a link that logs in to the console."""


@console.command(name="link")
def print_link() -> None:
    """Print a link that logs in as an operator, once, within a day."""
    click.echo(link(datadir.settings("database_url", "secret_key")))


def link(settings: Settings) -> str:
    """A new link."""
    with connect.transaction(settings) as session:
        return f"{settings.base_url}/console/enter/{login_links.make(session, clock.now())}"
