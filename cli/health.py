"""`mailtalk health`: checks for container engines."""

import socket
import sys
from contextlib import closing

import click
from sqlalchemy import select, text

from cli.datadir import url_of
from mailtalk.db import Database
from mailtalk.models import Worker
from mailtalk.settings import Settings

FRESH = "10 seconds"


def worker(settings: Settings) -> None:
    """Exit with 0 when a worker of this host has a fresh heartbeat, else with 1."""
    mine = select(Worker.name).where(
        Worker.name.startswith(f"{socket.gethostname()}/", autoescape=True),
        Worker.beat_at > text(f"now() - interval '{FRESH}'"),
    )
    with closing(Database(url_of(settings))) as database, database.transaction() as session:
        found = session.scalar(mine.limit(1))
    click.echo(f"{found} beats" if found else "no worker of this host beats")
    sys.exit(0 if found else 1)
