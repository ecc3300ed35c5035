"""`mailtalk worker`: the Celery worker and its sweeps, in one process or in several under a supervisor."""

import os
import sys
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

import click

from cli import datadir, logs, start
from cli.processes import Program, Supervisor, cores, tied, without_port
from mailtalk.settings.load import PREFIX, Settings

SHARED = "PROMETHEUS_MULTIPROC_DIR"  # the name that prometheus_client reads
GRACE = 30.0  # seconds to finish mails being sent


@click.command()
def worker() -> None:
    """Apply changes, process inbound mail, make and send mails."""
    logs.setup()
    settings = start.checked_settings()
    count = settings.worker_processes or cores()
    if count > 1:
        with TemporaryDirectory(prefix="mailtalk-metrics-") as directory, Supervisor() as supervisor:
            supervisor.add(*programs(settings, count, _shared(settings, Path(directory))))
            supervisor.run()
    else:
        from cli import extras  # noqa: PLC0415  the supervisor needs neither it nor Celery
        from worker.server import run  # noqa: PLC0415

        start.keep_readable(settings)
        extras.start("worker", settings)
        run(settings)


def _shared(settings: Settings, directory: Path) -> dict[str, str]:
    """Serve the metrics that the processes count in a directory; returns their environment, empty if no port is set."""
    if settings.metrics_port is None:
        return {}
    from cli import metrics  # noqa: PLC0415  only if they are served

    metrics.serve_shared(settings, directory)
    return {SHARED: str(directory)}


def programs(settings: Settings, count: int, more: dict[str, str] | None = None) -> list[Program]:
    """Programs of `count` workers, one process each, that share the connections to the relay; `more` environment."""
    command = [*tied(SIGKILL), sys.executable, str(Path(sys.argv[0]).absolute()), "worker"]
    shares = {"WORKER_PROCESSES": 1, "RELAY_CONNECTIONS": max(settings.relay_connections // count, 1)}
    own = {f"{PREFIX}{name}": str(share) for name, share in shares.items()}
    environment = without_port(os.environ | datadir.environment(settings) | own | (more or {}))
    return [Program("worker", command, environment=environment, grace=GRACE) for _ in range(count)]
