"""Processes of the product, forked from one that has imported them: a restart takes a moment, and a kill is a kill."""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
ONE_AT_A_TIME = threading.Lock()


@cache
def fork_server() -> "subprocess.Popen[bytes]":
    """The process that forks, one for all tests: its imports take seconds."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(_end, process)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    process.wait(30)
    process.stdout.close()


class Forks:
    """Processes forked for a test; `start` gives the pid of a new process of the product."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._process = directory, fork_server()
        self._pids: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)

    def start(self, role: str, settings: Mapping[str, str], crash_points: Path | None = None) -> int:
        """Start api, worker or bridge, perhaps with a number, with these variables; its log is a file of that name."""
        asked = {
            "role": role,
            "environment": dict(settings),
            "log": str(self._directory / role),
            "crash_points": str(crash_points) if crash_points else None,
        }
        assert self._process.stdin
        assert self._process.stdout
        with ONE_AT_A_TIME:
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer, "the process that forks has ended"
        pid = int(answer)
        self._pids.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End a process now; returns once it is gone."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while lives(pid):
            time.sleep(0.001)
        self._pids.discard(pid)


def lives(pid: int) -> bool:
    """True while the process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
