"""The servers of a run: durable PostgreSQL and Valkey of its own, and Mailtalk's processes beside them."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from cli.local.embedded import Postgres, Valkey
from cli.processes import Program, kill, stop, tied
from mailtalk.db import workers
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.settings.load import load
from worker.bell import Bell

KEY = "k" * 32
DOMAIN = "reply.example"
MAILTALK = Path(sys.executable).with_name("mailtalk")
PEERS = Path(__file__).parent / "peers"
PEERS_PYTHON = Path(__file__).parent / ".venv/bin/python"
# Nothing but the code under test limits a run: no rates, no pauses before a mail is made.
SETTINGS = {
    "SECRET_KEY": KEY,
    "REPLY_DOMAIN": DOMAIN,
    "SMTP_SESSIONS_PER_HOST": "1000",
    "MAIL_PER_HOUR": "0",
    "QUIET_SECONDS": "900",
    "CAP_SECONDS": "900",
    "WEBHOOK_ALLOW_PRIVATE": "true",
}
PATIENCE = 60.0


class Servers:
    """PostgreSQL with its own durable defaults (fsync, synchronous_commit) and Valkey, in a temporary directory."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.scale = 1.0  # of the work in a round
        self.keyring = Keyring.from_setting(KEY)
        self._databases = 0
        self._template: str | None = None

    def __enter__(self) -> Self:
        """Start both."""
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        self.directory.chmod(0o711)  # as root, PostgreSQL runs as another user
        self.postgres = Postgres(self.directory / "postgres", options={"shared_buffers": "256MB"})
        self.valkey = Valkey(self.directory / "valkey")
        for server in (self.postgres, self.valkey):
            server.start()
            self._stack.callback(server.stop)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both, and remove their data."""
        self._stack.close()

    def size(self, count: int) -> int:
        """The number of things in a round, at this run's scale."""
        return max(10, round(count * self.scale))

    @contextmanager
    def templated(self, template: str) -> Iterator[None]:
        """Meanwhile `tables` makes copies of this database."""
        self._template = template
        yield
        self._template = None

    def new_database(self, template: str | None = None) -> str:
        """Create a database, empty or a copy; give its URL."""
        self._databases += 1
        name = f"bench{self._databases}"
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template or "template0")))
        return self.postgres.url.rpartition("/")[0] + f"/{name}"

    @contextmanager
    def tables(self) -> Iterator[tuple[str, Database]]:
        """Make a database with Mailtalk's tables; give its URL too."""
        url = self.new_database(self._template)
        if self._template is None:
            migrate(url)
        with closing(Database(url)) as database:
            yield url, database

    def broker(self, number: int) -> str:
        """The URL of a Redis database: 1 to 4 are the peers', the others ours."""
        return self.valkey.url.rpartition("/")[0] + f"/{number}"

    def our_broker(self, database_url: str) -> str:
        """The broker of the processes at a database of ours."""
        return self.broker(5 + int(database_url.rpartition("bench")[2]) % 11)

    @contextmanager
    def mailtalk(self, command: str, database_url: str, **settings: object) -> Iterator[Program]:
        """Run one of our processes, ready to work."""
        ours = SETTINGS | {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.our_broker(database_url),
            "DATA_DIR": str(self.directory),
        }
        ours |= {name.upper(): str(value) for name, value in settings.items()}
        environment = {f"MAILTALK_{name}": value for name, value in ours.items()}
        with self.program([sys.executable, str(MAILTALK), command], environment) as program:
            yield program

    @contextmanager
    def peer(self, *arguments: str, **environment: str) -> Iterator[Program]:
        """Run a peer: Python in bench/.venv, started in bench/peers."""
        with self.program([str(PEERS_PYTHON), *arguments], environment, PEERS) as program:
            yield program

    def run_peer(self, *arguments: str, **environment: str) -> None:
        """Run a peer's script to its end."""
        command = [str(PEERS_PYTHON), *arguments]
        subprocess.run(command, env=os.environ | environment, cwd=PEERS, check=True)  # noqa: S603  ours

    def ring(self, task: str, database_url: str) -> None:
        """Ring the bell: have a worker of ours look at a queue."""
        bell = Bell(load(redis_url=self.our_broker(database_url)))
        bell.ring(task)
        bell.close()

    @contextmanager
    def program(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path | None = None
    ) -> Iterator[Program]:
        """Run a program until the end of the context, its output in the log that an error shows."""
        log = self.directory / f"{time.monotonic_ns()}.log"
        tied_command = [*tied(signal.SIGKILL), *command]
        program = Program(command[-1], tied_command, os.environ | environment, directory, log)
        program.start()
        try:
            yield program
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace")[-3000:])
            kill(program)
            raise
        stop(program)


def wait_for_worker(database: Database) -> None:
    """Wait until a worker of ours has a heartbeat."""

    def beats() -> bool:
        with database.transaction() as session:
            return workers.beating(session) is not None

    wait_until(beats, "no worker has a heartbeat")


def free_port() -> int:
    """A port that nobody listens at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    wait_until(lambda: _listens(port), f"nothing listens at port {port}")


def wait_until(ready: Callable[[], object], otherwise: str, patience: float = PATIENCE, pause: float = 0.02) -> None:
    """Poll until it is true; TimeoutError says what was not."""
    deadline = time.monotonic() + patience
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(pause)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def output(*command: str) -> str:
    """Run a program to its end; give what it prints. CalledProcessError if it fails."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  ours
