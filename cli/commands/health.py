"""`mailtalk health`: checks for container engines."""

import socket

import click

from cli import connect
from mailtalk.db import workers


@click.group()
def health() -> None:
    """Check a process on this host; exit code 0 or 1, for container health checks."""


@health.command()
@click.pass_context
def worker(ctx: click.Context) -> None:
    """Check that a worker on this host has a fresh heartbeat in the database; needs no broker."""
    with connect.transaction() as session:
        name = workers.beating(session, socket.gethostname())
    click.echo(f"{name} beats" if name else "no worker on this host has a fresh heartbeat")
    ctx.exit(0 if name else 1)
