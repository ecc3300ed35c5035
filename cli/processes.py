"""Child processes and their supervisor: started, restarted when they die, stopped in order."""

import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import click

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SUPERVISED = "_MAILTALK_SUPERVISED"  # in the environment of children, for which their supervisor has checked
PAUSE = 0.5  # seconds between two starts of a program: a restart within a second, without a busy loop
POLL = 0.1


def tied(death_signal: signal.Signals) -> list[str]:
    """Prefix of a command that has the kernel signal it when this process dies; empty except on Linux."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", death_signal.name.removeprefix("SIG")] if setpriv else []


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def without_port(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment of a child process that serves no metrics: its parent does, or has the port."""
    return {name: value for name, value in environment.items() if name != "MAILTALK_METRICS_PORT"}


@dataclass
class Program:
    """Command and its current process."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    directory: Path | None = None
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL
    grace: float = 5
    started: float = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in its own process group, so that Ctrl-C reaches only the supervisor."""
        self.started = time.monotonic()
        output = self._output()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                env={**self.environment, SUPERVISED: "1"},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output and subprocess.STDOUT,
                process_group=0,
            )
        finally:
            if output:
                output.close()

    @property
    def ended(self) -> str | None:
        """Exit code or signal, as text; None while it runs."""
        code = self.process.poll() if self.process else None
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it was started."""
        if self.process:
            self.process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False if it is still running after `seconds`."""
        with suppress(subprocess.TimeoutExpired):
            if self.process:
                self.process.wait(max(0, seconds))
            return True
        return False

    def _output(self) -> IO[bytes] | None:
        return open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") if self.log else None  # noqa: PTH123 - mode bits; closed by start


def stop(*programs: Program) -> None:
    """Stop programs; kill those still running after their grace."""
    for program in programs:
        program.send(program.stop_signal)
    start = time.monotonic()
    late = [program for program in programs if not program.wait(start + program.grace - time.monotonic())]
    kill(*late)


def kill(*programs: Program) -> None:
    """Kill programs."""
    for program in programs:
        program.send(program.kill_signal)
    for program in programs:
        if not program.wait(1):
            program.send(signal.SIGKILL)
            program.wait(1)


class Supervisor:
    """Supervisor: keeps programs running until SIGINT, SIGTERM or SIGHUP, then stops them, the last added first."""

    def __init__(self) -> None:
        self._stages: list[tuple[Program, ...]] = []
        self._heard, self._wakeup = socket.socketpair()
        self._stopping = False
        nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        self._signals = [number for number in STOP if not (nohup and number == signal.SIGHUP)]

    def __enter__(self) -> Self:
        """Handle every stop signal like Ctrl-C, as a KeyboardInterrupt."""
        self._handle(signal.default_int_handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Stop everything; a second Ctrl-C kills it."""
        self._handle(signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for stage in reversed(self._stages):
                stop(*stage)
        except KeyboardInterrupt:
            kill(*(program for stage in reversed(self._stages) for program in stage))
        return kind is KeyboardInterrupt

    def add(self, *programs: Program) -> None:
        """Supervise programs, which are stopped together; start those not running."""
        self._stages.append(programs)
        for program in programs:
            if not program.process:
                program.start()

    def run(self, until: Callable[[], bool] | None = None) -> bool:
        """Restart programs that die; return False at a stop signal, True once `until` does."""
        self._listen()
        while not self._stopping:
            if until and until():
                return True
            dead = [program for stage in self._stages for program in stage if program.ended]
            for program in dead:
                _revive(program)
            self._wait(POLL if dead or until else None)
        return False

    def _listen(self) -> None:
        """Let signals, SIGCHLD included, wake the selector instead of interrupting other code."""
        self._heard.setblocking(False)
        self._wakeup.setblocking(False)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        self._handle(_ignore)
        signal.signal(signal.SIGCHLD, _ignore)

    def _handle(self, handler: Callable[..., None] | signal.Handlers) -> None:
        for number in self._signals:
            signal.signal(number, handler)

    def _wait(self, seconds: float | None) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._heard, selectors.EVENT_READ)
            if selector.select(seconds):
                self._stopping |= not set(self._signals).isdisjoint(self._heard.recv(4096))


def _revive(program: Program) -> None:
    if time.monotonic() < program.started + PAUSE:
        return
    click.echo(f"{program.name} ended ({program.ended}); starting it again")
    try:
        program.start()
    except OSError as error:
        click.echo(f"{program.name} cannot start: {error}; trying again", err=True)


def _ignore(*_: object) -> None:
    """Do nothing: Python writes a signal to the wake-up socket only if it has a handler."""
