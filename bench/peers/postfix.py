"""The peer that accepts mail: Debian's Postfix with a queue of its own, which holds all it accepts."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Missing
from bench.servers import free_port, wait_for_port

POSTFIX = shutil.which("postfix") or "/usr/sbin/postfix"
# Every limit that would slow it is lifted; mails are held, so that it has no deliveries to do meanwhile.
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
relay_domains = reply.example
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_restrictions = static:HOLD
default_process_limit = 100
in_flow_delay = 0
alias_maps =
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
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A running Postfix: its port, and its queue."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start it, and stop it in the end."""
        configuration = self.directory / "conf"
        configuration.mkdir(parents=True)
        self.directory.chmod(0o755)
        (self.directory / "queue").mkdir()
        (configuration / "main.cf").write_text(MAIN.format(directory=self.directory))
        (configuration / "master.cf").write_text(SERVICES.format(port=self.port))
        self._run("start")
        try:
            wait_for_port(self.port)
            yield
        finally:
            self._run("stop")

    def clear(self) -> int:
        """Remove what it holds; give the number of mails."""
        mails = [path for path in (self.directory / "queue/hold").rglob("*") if path.is_file()]
        for path in mails:
            path.unlink()
        return len(mails)

    def _run(self, verb: str) -> None:
        command = [POSTFIX, "-c", str(self.directory / "conf"), verb]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  Debian's
        if done.returncode:
            raise Missing(f"Postfix does not {verb}: {(done.stderr + done.stdout).strip()[-200:]}")


def require_postfix() -> None:
    """Raise Missing where it cannot run."""
    if not Path(POSTFIX).exists():
        raise Missing("Postfix is not installed")
    if os.geteuid() != 0:
        raise Missing("Postfix needs root")
