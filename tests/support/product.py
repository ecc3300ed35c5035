"""`mailtalk up` as people run it: a process in a directory of its own, whose children can be killed and stopped."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from socket import create_server
from typing import TypeVar

import httpx
import psutil
from support.command_line import MAILTALK

OURS = ("api", "worker", "bridge")
PATIENCE = 90.0  # seconds, for a machine that has other things to do
HOPELESS = 5  # starts of what dies again
PACE = {"MAILTALK_QUIET_SECONDS": "0.3", "MAILTALK_CAP_SECONDS": "2", "MAILTALK_RECIPIENT_MAILS_PER_HOUR": "0"}
GREETING = re.compile(r"\nMailtalk is up\..*?Secret +(?P<secret>\S+)\n.*? mails\n", re.DOTALL)

Found = TypeVar("Found")


def until(what: str, look: Callable[[], Found | None], patience: float = PATIENCE) -> Found:
    """Look again and again until something is found."""
    pause, deadline = threading.Event(), time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {patience:g} s: {what}"
        pause.wait(0.05)
    return found


class Stack:
    """One data dir, and the `mailtalk up` that runs in it now."""

    def __init__(self, directory: Path, program: Path = MAILTALK, **settings: str) -> None:
        self.directory = directory
        self.program = (program.with_name("python"), program)
        self.data = directory / "data"
        self.smtp = ("127.0.0.1", free_port())
        self.url = f"http://127.0.0.1:{free_port()}"
        self.secret = ""
        self._said = 0
        self._process: subprocess.Popen[bytes] | None = None
        given = {f"MAILTALK_{name.upper()}": value for name, value in settings.items()}
        ports = {"MAILTALK_API_PORT": self.url.rpartition(":")[2], "MAILTALK_SMTP_PORT": str(self.smtp[1])}
        self.environment = {**os.environ, **PACE, **ports, "MAILTALK_DATA_DIR": str(self.data), **given}

    @property
    def out(self) -> str:
        """What it said on stdout, in all its runs."""
        return _read(self.directory / "out")

    @property
    def err(self) -> str:
        """What it and its children wrote to stderr, in all its runs."""
        return _read(self.directory / "err")

    def start(self) -> None:
        """Run it, until it greets."""
        self._said = len(self.out)
        with (self.directory / "out").open("ab") as out, (self.directory / "err").open("ab") as err:
            self._process = subprocess.Popen(
                [*self.program, "up"], env=self.environment, cwd=self.directory, stdout=out, stderr=err
            )
        self.secret = until("`mailtalk up` greets", self._greeting)["secret"]

    def stop(self) -> int:
        """Ask it to stop; gives its exit code, once it and all it started are gone."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word; what it started must go too."""
        assert self._end(signal.SIGKILL) == -signal.SIGKILL

    def command(self, *arguments: str) -> bytes:
        """Give what another command prints beside it."""
        done = subprocess.run([*self.program, *arguments], env=self.environment, capture_output=True, check=True)
        return done.stdout

    def ready(self) -> dict[str, str]:
        """Give what /readyz answers; it must say that all is well."""
        response = httpx.get(f"{self.url}/readyz", timeout=PATIENCE)
        assert response.status_code == 200, response.text
        state: dict[str, str] = response.json()
        return state

    def child(self, name: str) -> psutil.Process:
        """Find a process that it cares for: api, worker, bridge, postgres or valkey-server; waits for a new one."""
        return until(f"{name} runs", lambda: self._child(name))

    def kill_children(self, *names: str) -> None:
        """End these now, and wait until they are gone; each must come back by itself: ask `child` for it."""
        victims = [self.child(name) for name in names]
        for victim in victims:
            victim.kill()
        for victim in victims:
            until(f"{victim.pid} is gone", lambda victim=victim: not victim.is_running())

    def _child(self, name: str) -> psutil.Process | None:
        assert self._process
        for child in psutil.Process(self._process.pid).children():
            try:
                command = child.cmdline()
            except psutil.Error:
                continue
            if name == (command[-1] if "mailtalk" in "".join(command[1:2]) else child.name()):
                return child
        return None

    def _greeting(self) -> re.Match[str] | None:
        said = self.out[self._said :]
        assert self._process
        assert self._process.poll() is None, f"`mailtalk up` ended: {said}"
        assert said.count("starting it again") < HOPELESS, f"a process does not live: {said}"
        return GREETING.search(said)

    def _end(self, how: signal.Signals) -> int:
        assert self._process
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.send_signal(how)
        code = self._process.wait(PATIENCE)
        self._process = None
        until("all its children are gone", lambda: not any(_alive(each) for each in family))
        return code

    def close(self) -> None:
        """Stop it if it runs, however the test ended."""
        if self._process:
            self.stop()


def free_port() -> int:
    with closing(create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
