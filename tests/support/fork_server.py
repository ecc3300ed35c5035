"""The process that forks: it has imported API, worker and bridge, and starts one for each line that it reads."""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import celery.bin.celery  # noqa: F401  what a worker imports late
import kombu.transport.redis  # noqa: F401
from support import crash_points

import api.server
import smtp_bridge.server
import worker.server
from cli import logs, start
from mailtalk.settings.load import Settings

RUN: dict[str, Callable[[Settings], None]] = {
    "api": api.server.run,
    "worker": worker.server.run,
    "bridge": smtp_bridge.server.run,
}


def serve() -> None:
    """Start what is asked for, and answer with its pid; children are reaped by the kernel."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(asked)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(asked: Mapping[str, Any]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    os.environ.update(asked["environment"])
    try:
        logs.setup()
        if asked["crash_points"]:
            crash_points.install(asked["role"], Path(asked["crash_points"]))
        RUN[asked["role"].rstrip("0123456789")](start.checked_settings())
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    serve()
    os._exit(0)  # without the seconds that the interpreter takes to free all that was imported
