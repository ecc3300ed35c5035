"""API, worker and bridge as processes that are killed and forked anew, with one app and a relay for its mails."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from support.cast import NAMES, Cast
from support.forks import Forks, lives
from support.smtp_sink import Sink
from support.sql import rows, subscribe
from support.waiting import until

from mailtalk.settings.load import Settings

ROLES = ("api", "bridge", "worker")
PATIENCE = 300.0  # seconds for the first start, on a busy machine
PACE = {"QUIET_SECONDS": "0.05", "CAP_SECONDS": "0.5", "MAIL_PER_HOUR": "100000"}
QUIET = """
    SELECT (SELECT count(*) FROM changes WHERE status = 'pending')
        + (SELECT count(*) FROM inbound_mails WHERE outcome = 'received')
        + (SELECT count(*) FROM conversations WHERE window_due_at IS NOT NULL)
        + (SELECT count(*) FROM notifications WHERE status = 'open')
        + (SELECT count(*) FROM deliveries WHERE ended_at IS NULL)"""


class ForkedStack:
    """The processes; `care` starts those again that died, as a supervisor does."""

    def __init__(self, forks: Forks, settings: Settings, sink: Sink, cast: Cast, **options: Any) -> None:
        self.cast, self.sink, self._forks = cast, sink, forks
        self._switch: Path | None = options.get("switch")
        self.roles: Sequence[str] = options.get("roles", ROLES)
        self.smtp = (settings.smtp_host, settings.smtp_port)
        self.api = f"http://{settings.api_host}:{settings.api_port}"
        own = {
            "DATABASE_URL": settings.require("database_url"),
            "REDIS_URL": settings.require("redis_url"),
            "SECRET_KEY": settings.require("secret_key"),
            "RELAY_URL": sink.url,
            "API_PORT": str(settings.api_port),
            "SMTP_PORT": str(settings.smtp_port),
            "WORKER_PROCESSES": "1",
        }
        more: Mapping[str, str] = options.get("more", {})
        self._environment = {f"MAILTALK_{name}": value for name, value in (own | PACE | more).items()}
        self.pids: dict[str, int] = {}
        self.starts = 0

    def care(self) -> None:
        """Start what does not run."""
        for role in self.roles:
            if role not in self.pids or not lives(self.pids[role]):
                self.pids[role] = self._forks.start(role, self._environment, self._switch)
                self.starts += 1

    def kill(self, role: str) -> None:
        """Kill a process."""
        self._forks.kill(self.pids[role])

    def client(self) -> httpx.Client:
        """A client of the API with the app's credential."""
        headers = {"Authorization": f"Bearer {self.cast.secret}"}
        return httpx.Client(base_url=f"{self.api}/v1/{self.cast.app_id}", headers=headers, timeout=20)

    def is_quiet(self) -> bool:
        """True if nothing waits; what is in doubt, and would be repeated after a while, is so at once."""
        rows(
            self.cast.database,
            """UPDATE deliveries SET not_before = now() - interval '1 ms'
            WHERE stage IN ('unknown', 'deferred') AND not_before > now()""",
        )
        return rows(self.cast.database, QUIET)[0][0] == 0


@contextmanager
def forked(settings: Settings, sink: Sink, cast: Cast, directory: Path, **options: Any) -> Iterator[ForkedStack]:
    """A stack whose processes run, each started again when it ends; `roles`, crash `switch`, `more` settings."""
    subscribe(cast.database, cast.app_id)
    cast.join(*NAMES)
    with Forks(directory) as forks:
        stack = ForkedStack(forks, settings, sink, cast, **options)
        try:
            with _cared_for(stack):
                until(lambda: _answers(stack), PATIENCE)
                yield stack
        finally:
            for log in (directory / role for role in stack.roles):
                print(f"--- {log.name}\n{log.read_text()[-6000:] if log.exists() else ''}")  # noqa: T201  of a failure


@contextmanager
def _cared_for(stack: ForkedStack) -> Iterator[None]:
    stopped = threading.Event()

    def care() -> None:
        while not stopped.wait(0.01):
            stack.care()

    thread = threading.Thread(target=care)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _answers(stack: ForkedStack) -> bool:
    try:
        return httpx.get(f"{stack.api}/healthz", timeout=20).status_code == 200
    except httpx.TransportError:
        return False
