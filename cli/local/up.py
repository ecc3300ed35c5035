"""`mailtalk up`: all servers and processes on one machine."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGKILL
from socket import AF_INET, AF_INET6, create_server
from urllib.parse import urlsplit

import click

from cli import datadir, start
from cli.commands import console, worker
from cli.commands.migrate import migrate_tables
from cli.local import greeting
from cli.processes import Program, Supervisor, cores, tied, without_port
from mailtalk.conversations import apps
from mailtalk.db.database import Database
from mailtalk.settings.load import PREFIX, Settings, load

MOST_WORKERS = 4  # unless the setting says otherwise
IMPATIENT = 15.0
QUIET = 5.0  # seconds, so that a first mail is soon there
LOOPBACK = "127.0.0.0/8,::1/128"  # where the webhooks of somebody who tries it listen


@click.command()
def up() -> None:
    """Start everything on this machine, and keep it running.

    PostgreSQL and Valkey are embedded unless MAILTALK_DATABASE_URL and MAILTALK_REDIS_URL are set; their data is in
    MAILTALK_DATA_DIR (.mailtalk). A process that dies is started again. Ctrl-C stops everything.
    """
    settings = load()
    datadir.require_key(settings)
    directory = datadir.make(settings.data_dir)
    with datadir.locked(directory), Supervisor() as supervisor:
        _require_free("API", settings.api_host, settings.api_port)
        _require_free("SMTP", settings.smtp_host, settings.smtp_port)
        if settings.lmtp_port:
            _require_free("LMTP", settings.smtp_host, settings.lmtp_port)
        _start_servers(settings, directory, supervisor)
        full = datadir.resolve(settings, *datadir.KEPT)
        migrate_tables(full)
        start.check(full)
        secret = _ensure_app(full, directory)
        workers = worker.programs(
            settings, settings.worker_processes or min(cores(), MOST_WORKERS), _for_trials(settings)
        )
        doors = ["bridge", *(["fetch"] if settings.imap_url else [])]
        supervisor.add(_process("api", settings), *workers, *(_process(door, settings) for door in doors))
        if supervisor.run(until=_Readiness(settings).reached):
            click.echo(greeting.text(settings, secret, console.link(full)))
            supervisor.run()
        click.echo("Stopping …")
    click.echo("Stopped.")


def _require_free(name: str, host: str, port: int) -> None:
    try:
        create_server((host, port), family=AF_INET6 if ":" in host else AF_INET).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise datadir.CannotStart(
                f"{PREFIX}{'API' if name == 'API' else 'SMTP'}_HOST={host} {PREFIX}{name}_PORT={port}: {error.strerror}"
            ) from None
        raise datadir.CannotStart(
            f"{PREFIX}{name}_PORT={port}: another program listens at {host}:{port}. "
            f"Stop it, or set {PREFIX}{name}_PORT to a free port"
        ) from None


def _start_servers(settings: Settings, directory: Path, supervisor: Supervisor) -> None:
    if settings.database_url is None:
        from cli.local.embedded import Postgres  # noqa: PLC0415 - comes with an extra

        # After a crash or an I/O error it ends instead of recovering by itself: we start it again, and say so.
        postgres = Postgres(directory / "postgres", options={"restart_after_crash": "off"})
        with _timed(postgres.name):
            postgres.start()
        supervisor.add(postgres.program)
        datadir.write(directory / "database_url", postgres.url)
    if settings.redis_url is None:
        from cli.local.embedded import Valkey  # noqa: PLC0415 - the same

        valkey = Valkey(directory / "valkey")
        with _timed(valkey.name):
            valkey.start()
        supervisor.add(valkey.program)
        datadir.write(directory / "redis_url", valkey.url)
    if settings.secret_key is None:
        datadir.kept(directory / "secret_key")


@contextmanager
def _timed(name: str) -> Iterator[None]:
    began = time.monotonic()
    click.echo(f"{name} starts …")
    yield
    click.echo(f"{name} ready in {time.monotonic() - began:.1f} s")


def _ensure_app(settings: Settings, directory: Path) -> str:
    given = settings.app_secret
    secret = given.get_secret_value() if given else datadir.kept(directory / "app_secret")
    with closing(Database(datadir.url_of(settings))) as database, database.transaction() as session:
        apps.ensure(session, datadir.keyring(settings), settings.app_id, "Demo", secret, _quiet(settings))
    return secret


def _quiet(settings: Settings) -> float | None:
    """Quiet seconds of the app when it is created: few, unless the setting says how many."""
    return None if "quiet_seconds" in settings.model_fields_set else QUIET


def _for_trials(settings: Settings) -> dict[str, str]:
    """Settings of the processes that are meant for one machine, unless they are set: the tour, and webhooks to it."""
    values = {"console_demo_app": settings.app_id, "webhook_allow_private": LOOPBACK}
    unset = {name: value for name, value in values.items() if name not in settings.model_fields_set}
    return {f"{PREFIX}{name.upper()}": value for name, value in unset.items()}


def _process(name: str, settings: Settings) -> Program:
    command = [*tied(SIGKILL), sys.executable, str(Path(sys.argv[0]).absolute()), name]
    environment = os.environ | datadir.environment(settings) | _for_trials(settings)
    return Program(name, command, environment=environment if name == "api" else without_port(environment))


class _Readiness:
    """Polls the API's /readyz; prints the answer if that takes long."""

    def __init__(self, settings: Settings) -> None:
        self._at = urlsplit(f"http://{greeting.address(settings.api_host, settings.api_port)}")
        self._printed_at = time.monotonic()

    def reached(self) -> bool:
        """True if everything is ready."""
        status, answer = self._get()
        if status != HTTPStatus.OK and time.monotonic() > self._printed_at + IMPATIENT:
            self._printed_at = time.monotonic()
            click.echo(f"Not ready yet: {answer}")
        return status == HTTPStatus.OK

    def _get(self) -> tuple[int, str]:
        connection = HTTPConnection(str(self._at.hostname), self._at.port, timeout=0.5)
        with closing(connection):
            try:
                connection.request("GET", "/readyz")
                response = connection.getresponse()
                return response.status, response.read().decode(errors="replace")
            except ConnectionRefusedError:
                return 0, "the API is starting"
            except (OSError, HTTPException) as error:
                return 0, f"the API does not answer ({error})"
