"""Crash points: boundaries before and after each commit, publish and socket write, at which a process can be ended.

A file that all processes map says which boundary ends the next process that reaches it, and which one is next.
A boundary has a name: the process, what is done, where in the product, and `before` or `after` it.
"""

import mmap
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import celery
import psycopg
import redis
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from mailtalk.db.kept_connection import KeptConnection
from mailtalk.outbound.smtp_protocol import SmtpProtocol
from smtp_bridge.connection import BridgeConnection

ROOT = str(Path(__file__).parents[2])
SLOT, SLOTS = 256, 2
FLUSH = 0.01  # seconds: a transport's bytes are written when its event loop is idle
HERE = ("/tests/", "/mailtalk/db/", "/.venv/")


class Switch:
    """The file: `arm` names the boundaries, one after the other; `record` has all that are reached written down."""

    def __init__(self, path: Path) -> None:
        self._log = path.with_suffix(".reached")
        if not path.exists():
            path.write_bytes(b"\0" * SLOT * (SLOTS + 1))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SLOT * (SLOTS + 1))

    def arm(self, *names: str) -> None:
        """The first process to reach the first name ends; then the second name is armed."""
        padded = b"".join(name.encode().ljust(SLOT, b"\0") for name in names)
        self._map[: SLOT * SLOTS] = padded.ljust(SLOT * SLOTS, b"\0")

    @property
    def armed(self) -> str:
        """The boundary that is waited for; empty if none is."""
        return bytes(self._map[:SLOT]).rstrip(b"\0").decode()

    def record(self, wanted: bool) -> None:
        """Write down what is reached from now on, or no longer."""
        self._map[-1] = int(wanted)

    def reached(self) -> set[str]:
        """Boundaries written down so far."""
        return set(self._log.read_text("utf-8").splitlines()) if self._log.exists() else set()

    def forget(self) -> None:
        """Forget what was written down."""
        self._log.unlink(missing_ok=True)

    def reach(self, name: str, end: Callable[[], None]) -> None:
        """End the process if this boundary is armed; an empty name is none."""
        if not name:
            return
        if self._map[-1]:
            with self._log.open("a") as log:
                log.write(f"{name}\n")
        if self._map[0] and self.armed == name:
            self._map[: SLOT * SLOTS] = self._map[SLOT : SLOT * SLOTS].ljust(SLOT * SLOTS, b"\0")
            end()


def install(role: str, path: Path) -> None:
    """Put the boundaries into this process."""
    switch = Switch(path)

    around = partial(_around, switch, role)
    around(psycopg.Connection, "commit", lambda *_: f"commit of {_site()}")
    around(KeptConnection, "write", lambda *_: f"statement of {_site()}")
    around(celery.Celery, "send_task", lambda _self, task: f"bell {task}")
    around(redis.Redis, "publish", lambda *_: "announcement")
    around(SmtpProtocol, "write", lambda _self, data: f"SMTP {_verb(data)}", _die_soon)
    around(BridgeConnection, "_flush", lambda self: _answer(self._replies), _die_soon)
    around(RequestResponseCycle, "send", lambda _self, message: f"HTTP {message['type']}", _die_soon)


def _around(  # noqa: PLR0913, PLR0917  a boundary, and whose it is
    switch: Switch, role: str, owner: Any, method: str, name: Callable[..., str], end: Callable[[], None] | None = None
) -> None:
    original = getattr(owner, method)

    def label(when: str, arguments: tuple[Any, ...]) -> str:
        what = name(*arguments)
        return f"{role}: {what}, {when}" if what else ""

    def wrapped(*arguments: Any, **options: Any) -> Any:
        before, after = label("before", arguments), label("after", arguments)
        switch.reach(before, _die)
        result = original(*arguments, **options)
        switch.reach(after, end or _die)
        return result

    async def awaited(*arguments: Any, **options: Any) -> Any:
        before, after = label("before", arguments), label("after", arguments)
        switch.reach(before, _die)
        result = await original(*arguments, **options)
        switch.reach(after, end or _die)
        return result

    setattr(owner, method, awaited if iscoroutinefunction(original) else wrapped)


def _site() -> str:
    """The product's function that commits: the nearest frame outside the database's own modules."""
    frame, inner = sys._getframe(4), "group commit"
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(ROOT) and not any(each in code.co_filename for each in HERE):
            return f"{code.co_filename.removeprefix(ROOT + '/')} {code.co_qualname}"
        frame = frame.f_back  # type: ignore[assignment]
    return inner


def _verb(data: bytes) -> str:
    verb = data.split(None, 1)[0].decode("ascii", "replace").upper()
    return verb if verb in {"EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "QUIT"} else "mail and dot"


def _answer(waiting: list[str]) -> str:
    return f"SMTP reply {waiting[-1][:14]}" if waiting else ""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_soon() -> None:
    """After the event loop has written what is waiting."""
    threading.Timer(FLUSH, _die).start()
