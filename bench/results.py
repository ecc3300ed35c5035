"""The results of a run as JSON: the machine, and every round of every figure."""

import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measure import Result

LATEST = Path(__file__).parent / "results/latest.json"


def write(measured: Sequence[Result]) -> None:
    """Replace the figures that were measured; those of earlier runs stay."""
    lines = _earlier() | {result.figure.name: _line(result) for result in measured}
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps({"machine": machine(), "lines": lines}, indent=1, ensure_ascii=False) + "\n")


def machine() -> dict[str, object]:
    """Describe the machine, as far as it decides the figures."""
    cpu = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "processor": cpu[0] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memoryGB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "fsyncMs": round(_fsync() * 1000, 2),
        "load": os.getloadavg()[0],
    }


def _earlier() -> dict[str, Any]:
    lines: dict[str, Any] = json.loads(LATEST.read_text())["lines"] if LATEST.exists() else {}
    return lines


def _line(result: Result) -> dict[str, object]:
    return {
        "title": result.benchmark.title,
        "peer": result.benchmark.peer,
        "unit": result.figure.unit,
        "goal": result.figure.goal,
        "better": result.figure.better,
        "ours": result.ours,
        "peers": result.peer,
        "ok": result.ok,
        "short": result.figure.short,
        "missing": result.missing,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _fsync(count: int = 50) -> float:
    """Seconds of one fsync of a small append, where the servers keep their data."""
    with tempfile.TemporaryFile() as file:
        start = time.monotonic()
        for _ in range(count):
            file.write(b"x" * 512)
            file.flush()
            os.fsync(file.fileno())
        return (time.monotonic() - start) / count
