"""`mailtalk health`: checks for container engines."""

import socket
import sys

import click

from cli import connect
from mailtalk.db import workers
from mailtalk.settings.load import Settings


def worker(settings: Settings) -> None:
    """Exit with 0 when a worker of this host has a fresh heartbeat, else with 1."""
    with connect.transaction(settings) as session:
        found = workers.beating(session, socket.gethostname())
    click.echo(f"{found} beats" if found else "no worker of this host beats")
    sys.exit(0 if found else 1)
