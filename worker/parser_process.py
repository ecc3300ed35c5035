"""A child: the process that reads mails; whatever it does, an answer or Died comes in bounded time."""

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

START_SECONDS = 30.0  # a busy machine may need long; nothing of a mail is read yet
ANSWER_SECONDS = 5.0
COMMAND = (sys.executable, "-P", "-m", "mailtalk.mail.reader.process")
KEPT = ("PATH", "LD_LIBRARY_PATH")  # of our environment, which holds secrets


class Died(Exception):
    """The child is gone, and with it what it was asked: `reason` is time, memory or died."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Child:
    """One process, ready to be asked by one thread at a time."""

    _process: subprocess.Popen[bytes]

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale  # of the limits of time and memory, for a large mail
        try:
            self._start()
        except OSError as error:
            raise Unavailable("no process can be started that reads mails") from error
        try:
            self._receive(time.monotonic() + START_SECONDS)
        except (OSError, EOFError) as error:
            self.end()
            raise Unavailable("the process that reads mails does not start") from error

    def ask(self, question: protocol.ReaderRequest) -> protocol.ReaderResponse:
        """Its answer; Died when there is none, and then there is no process any more."""
        try:
            return self._answered(question)
        except TimeoutError:
            self.end()
            raise Died("time") from None
        except (OSError, EOFError, msgspec.DecodeError):
            raise Died("time" if self.end() == -signal.SIGXCPU else "died") from None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def lives(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def end(self) -> int:
        """End the process; gives how it ended."""
        self._socket.close()
        self._process.kill()
        return self._process.wait()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        theirs.settimeout(None)  # whatever the default time-out: the child waits for its first mail
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603  our own module
                    (*COMMAND, str(self.scale)),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # a traceback may hold what a mail says
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C ends the worker, which finishes what is in hand
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
    """No secret of ours, and the same code as here."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {"PYTHONPATH": str(Path(protocol.__file__).parents[3]), "LANG": "C.UTF-8"}
