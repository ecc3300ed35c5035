"""`mailtalk api` as people run it: a process of its own, whose memory is its own too."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx
from support.bridge_process import environment
from support.command_line import MAILTALK
from support.servers import free_port
from support.waiting import until

PATIENCE = 90.0  # seconds, for a machine that has other things to do


class ApiProcess:
    """One process; `where` is its door, `said` its log."""

    def __init__(self, log: Path, **settings: Any) -> None:
        self.where = "127.0.0.1", settings.setdefault("api_port", free_port())
        self.url = f"http://127.0.0.1:{self.where[1]}"
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, MAILTALK, "api"], env=environment(**settings), stdout=out, stderr=out
            )

    def __enter__(self) -> Self:
        until(lambda: self.process.poll() is not None or self._answers(), PATIENCE)
        assert self.process.poll() is None, self.said
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

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

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False
