"""System calls of processes, written down or made to fail by strace; a skip that says why where that is not allowed."""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def traced(pids: Iterable[int], log: Path, *options: str) -> Iterator[Path]:
    """Trace these processes and those that they fork; gives the log."""
    command = ["strace", "-f", "-o", str(log), *options, *(f"-p{pid}" for pid in pids)]
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        pytest.skip("there is no strace")
    assert process.stderr
    for line in process.stderr:
        if "Operation not permitted" in line:
            pytest.skip(f"ptrace is not allowed: {line.strip()}")
        if "attached" in line:
            break
    try:
        yield log
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()
