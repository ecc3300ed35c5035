"""`mailtalk health`: checks for container engines."""

import smtplib
import socket
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import click

from cli import connect
from mailtalk.db import workers
from mailtalk.settings.load import load

PATIENCE = 3.0  # seconds
GREETING = 220  # RFC 5321 4.2


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


@health.command()
@click.pass_context
def api(ctx: click.Context) -> None:
    """Check that the API on this host answers; whether it can work is what /readyz says."""
    settings = load()
    connection = HTTPConnection(_here(settings.api_host), settings.api_port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        status: int | str = connection.getresponse().status
    except (OSError, HTTPException) as error:
        status = f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    _end(ctx, "the API", HTTPStatus.OK, status)


@health.command()
@click.pass_context
def bridge(ctx: click.Context) -> None:
    """Check that the SMTP bridge on this host greets."""
    settings = load()
    try:
        with smtplib.SMTP(local_hostname="localhost", timeout=PATIENCE) as client:
            status: int | str = client.connect(_here(settings.smtp_host), settings.smtp_port)[0]
    except OSError as error:  # smtplib's errors are OSErrors too
        status = f"{type(error).__name__}: {error}"
    _end(ctx, "the bridge", GREETING, status)


@health.command()
@click.pass_context
def container(ctx: click.Context) -> None:
    """Check the process that this container runs: api, bridge or worker; any other is well."""
    arguments = Path("/proc/1/cmdline").read_bytes().decode().split("\0")
    name = next((name for name in ("api", "bridge", "worker") if name in arguments), None)
    if name is not None:
        ctx.invoke({"api": api, "bridge": bridge, "worker": worker}[name])


def _here(host: str) -> str:
    """Address by which a server that listens at all addresses is reached from this host."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  not listened at


def _end(ctx: click.Context, name: str, good: int, status: int | str) -> None:
    click.echo(f"{name} answers" if status == good else f"{name} does not answer: {status}")
    ctx.exit(0 if status == good else 1)
