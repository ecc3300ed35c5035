"""`mailtalk api`: the HTTP server."""

import click

from api.server import run
from cli import datadir, extras, logs, start
from console import site
from mailtalk.db.database import Database


@click.command()
def api() -> None:
    """Serve HTTP at MAILTALK_API_HOST:MAILTALK_API_PORT (127.0.0.1:8000)."""
    logs.setup()
    settings = start.checked_settings()
    start.keep_readable(settings)
    extras.start("api", settings, Database(datadir.url_of(settings), pool=1))
    run(settings, site.routes(settings))
