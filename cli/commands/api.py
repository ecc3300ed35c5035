"""`mailtalk api`: the HTTP server."""

import click

from api.server import run
from cli import logs, start
from console import site


@click.command()
def api() -> None:
    """Serve HTTP at MAILTALK_API_HOST:MAILTALK_API_PORT (127.0.0.1:8000)."""
    logs.setup()
    settings = start.checked_settings()
    run(settings, site.routes(settings))
