"""Parser process: isolated, and bounded in time; each request ends with a response or with Died."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from mailtalk.errors import Unavailable
from mailtalk.mail.reader import protocol

START_SECONDS = 30.0  # a busy machine may be slow; no mail has been read yet
ANSWER_SECONDS = 5.0
COMMAND = (sys.executable, "-P", "-m", "mailtalk.mail.reader.process")
KEPT = ("PATH", "LD_LIBRARY_PATH")  # environment variables to pass on; the others may be secrets


class Died(Exception):
    """The process has ended without a response: `reason` is time, memory or died."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Child:
    """A parser process, for one thread at a time."""

    _process: subprocess.Popen[bytes]

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale  # multiple of the limits of time and memory, for a large mail
        try:
            self._start()
        except OSError as error:
            raise Unavailable("cannot start a parser process") from error
        try:
            self._receive(time.monotonic() + START_SECONDS)
        except (OSError, EOFError) as error:
            self.end()
            raise Unavailable("a parser process does not start") from error

    def ask(self, question: protocol.ReaderRequest) -> protocol.ReaderResponse:
        """Response to a request; Died if there is none, and then the process has ended."""
        try:
            return self._answered(question)
        except TimeoutError:
            self.end()
            raise Died("time") from None
        except (OSError, EOFError, msgspec.DecodeError):
            raise Died("time" if self.end() == -signal.SIGXCPU else "died") from None

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def lives(self) -> bool:
        """True if the process is running."""
        return self._process.poll() is None

    def end(self) -> int:
        """End the process; returns its exit status."""
        self._socket.close()
        self._process.kill()
        return self._process.wait()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        theirs.settimeout(None)  # despite any default time-out: the process waits for its first mail
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603  our own module
                    (*COMMAND, str(self.scale)),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # a traceback may contain text of a mail
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C ends the worker, which finishes its current mails
                )
            except OSError:
                self._socket.close()
                raise

    def _answered(self, question: protocol.ReaderRequest) -> protocol.ReaderResponse:
        deadline = time.monotonic() + ANSWER_SECONDS * self.scale
        self._socket.settimeout(ANSWER_SECONDS * self.scale)
        self._socket.sendall(protocol.frame(question))
        answer = protocol.decode_response(self._receive(deadline))
        if answer == protocol.ReadingFailed("memory"):
            self.end()
            raise Died("memory")
        return answer

    def _receive(self, deadline: float) -> bytes | bytearray:
        return protocol.body(lambda size: self._exactly(size, deadline))

    def _exactly(self, size: int, deadline: float) -> bytearray:
        received = bytearray(size)
        rest = memoryview(received)
        while rest:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            count = self._socket.recv_into(rest)
            if not count:
                raise EOFError
            rest = rest[count:]
        return received


def _environment() -> dict[str, str]:
    """Environment without secrets, but with our import path."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {"PYTHONPATH": str(Path(protocol.__file__).parents[3]), "LANG": "C.UTF-8"}
