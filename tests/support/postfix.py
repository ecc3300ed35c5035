"""A real Postfix with a configuration and a queue of its own."""

import json
import os
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pytest
from support.servers import free_port
from support.waiting import until

POSTFIX = shutil.which("postfix") or "/usr/sbin/postfix"
MAIN = """
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/log
maillog_file_prefixes = {directory}
mail_owner = postfix
setgid_group = postdrop
myhostname = mta.example.com
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_host_lookup = native
smtpd_peername_lookup = no
smtp_connect_timeout = 5
alias_maps =
default_transport = error:no such place
relay_domains = {domains}
transport_maps = texthash:{directory}/conf/transport
"""
SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

needs_postfix = pytest.mark.skipif(
    not Path(POSTFIX).exists() or os.geteuid() != 0, reason="needs Postfix, and root to run it"
)


class Postfix:
    """It takes mail at `port` for these domains, and passes it on by its transport map."""

    def __init__(self, *domains: str) -> None:
        self.port = free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="postfix-"))  # its own user must get there
        self._directory.chmod(0o755)
        self._write("main.cf", MAIN.format(directory=self._directory, domains=", ".join(domains)))
        self._write("transport", "")
        self._write("master.cf", SERVICES.format(port=self.port))
        (self._directory / "queue").mkdir()

    def __enter__(self) -> Self:
        self._run(POSTFIX, "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._run(POSTFIX, "stop")
        shutil.rmtree(self._directory)

    def route(self, transports: dict[str, str]) -> None:
        """Pass mail for these domains on by these transports from now on."""
        self._write("transport", "".join(f"{domain} {transport}\n" for domain, transport in transports.items()))
        self._run(POSTFIX, "reload")

    def post(self, sender: str, recipients: Sequence[str], mail: bytes) -> None:
        """Hand a mail over to it."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
            assert client.sendmail(sender, recipients, mail) == {}

    @property
    def log(self) -> str:
        return (self._directory / "log").read_text(encoding="utf-8")

    def queue(self) -> list[dict[str, Any]]:
        """The mails that wait."""
        return [json.loads(line) for line in self._run("postqueue", "-j").splitlines()]

    def deferred(self, reason: str) -> bool:
        """Whether a mail waits for this reason, and is to be tried again later."""
        waiting = [each for each in self.queue() if each["queue_name"] == "deferred"]
        return any(reason in each["delay_reason"] for mail in waiting for each in mail["recipients"])

    def flush(self) -> None:
        """Have it try again what waits."""
        self._run("postqueue", "-f")

    def await_empty(self) -> None:
        until(lambda: not self.queue())

    def _write(self, name: str, text: str) -> None:
        path = self._directory / "conf" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _run(self, *command: str) -> str:
        program, *arguments = command
        where = [program, "-c", str(self._directory / "conf"), *arguments]
        done = subprocess.run(where, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout
