"""A process of `mailtalk` as people run it: its log, its end, and its memory, which is its own too."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from support.waiting import until

PATIENCE = 90.0  # seconds, for a machine that has other things to do
NOWHERE = {"database_url": "postgresql://127.0.0.1:1/none", "redis_url": "redis://127.0.0.1:1"}
DEFAULTS = {**NOWHERE, "smtp_host": "127.0.0.1", "secret_key": "k" * 32}


def environment(**settings: Any) -> dict[str, str]:
    given = {f"MAILTALK_{name.upper()}": str(value) for name, value in (DEFAULTS | settings).items()}
    return {**os.environ, **given}


class ServerProcess:
    """One process; `where` is its door, `said` its log."""

    def __init__(self, log: Path, command: Sequence[str | Path], port: int, **settings: Any) -> None:
        self.where = "127.0.0.1", port
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, *command], env=environment(**settings), stdout=out, stderr=out
            )

    def __enter__(self) -> Self:
        until(lambda: self.process.poll() is not None or self.serves(), PATIENCE)
        assert self.process.poll() is None, self.said
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def serves(self) -> bool:
        raise NotImplementedError

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def memory(self) -> int:
        """What it has now, in MB; from here on the peak is measured."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")
        return self._status("VmRSS")

    def peak(self) -> int:
        """The most memory that it had since, in MB."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found
        return int(found[1]) // 1024
