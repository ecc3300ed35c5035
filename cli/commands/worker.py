"""`mailtalk worker`: the Celery worker and its sweep."""

import click

from cli import datadir, logs
from worker.server import run


@click.command()
def worker() -> None:
    """Apply changes, process inbound mail, make and send mails."""
    logs.setup()
    run(datadir.settings())
