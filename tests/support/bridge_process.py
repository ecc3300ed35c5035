"""`mailtalk bridge` as people run it, with its signals."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from support.command_line import MAILTALK
from support.raw_smtp import Talk
from support.server_process import ServerProcess
from support.servers import free_port
from support.waiting import until


class BridgeProcess(ServerProcess):
    """The bridge; `command` may start it in another way."""

    def __init__(self, log: Path, command: Sequence[str | Path] = (MAILTALK, "bridge"), **settings: Any) -> None:
        super().__init__(log, command, settings.setdefault("smtp_port", free_port()), **settings)

    def serves(self) -> bool:
        return "listening on" in self.said

    @property
    def sessions(self) -> int:
        connections = psutil.Process(self.process.pid).net_connections("tcp")
        return sum(each.laddr.port == self.where[1] and each.status == psutil.CONN_ESTABLISHED for each in connections)

    def signal(self, what: signal.Signals, answer: str) -> None:
        """Send it, and wait until its log says this once more."""
        before = self.said.count(answer)
        self.process.send_signal(what)
        until(lambda: self.said.count(answer) > before)

    def talk(self) -> Talk:
        return Talk(self.where)
