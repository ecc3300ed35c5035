"""A real Dovecot with its own configuration and mailboxes, as the current user, or as nobody where that is root."""

import getpass
import grp
import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from support import certificates
from support.servers import free_port
from support.waiting import until

DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"
PASSWORD = "pass,word"
CONFIGURATION = """
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
auth_mechanisms = plain login
mail_location = maildir:{directory}/mail/%u
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/mail/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service stats {{
  client_limit = 100
}}
"""

needs_dovecot = pytest.mark.skipif(not Path(DOVECOT).exists(), reason="needs Dovecot: apt-get install dovecot-imapd")


class Dovecot:
    """It has a mailbox for every user name, with the same password."""

    def __init__(self) -> None:
        self.imap, self.imaps = free_port(), free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.directory.chmod(0o755)
        self.cert, key = certificates.make(self.directory)
        mine = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
        user, group = ("nobody", grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name) if os.geteuid() == 0 else mine
        internal = ("dovecot", "dovecot", "dovenull") if os.geteuid() == 0 else (*mine, mine[0])
        mails = self.directory / "mail"
        mails.mkdir()
        shutil.chown(mails, user, group)
        names = dict(zip(("internal", "internal_group", "login"), internal, strict=True))
        places = {"directory": self.directory, "cert": self.cert, "key": key, "imap": self.imap, "imaps": self.imaps}
        text = CONFIGURATION.format(user=user, group=group, password=PASSWORD, **names, **places)
        self._configuration = self.directory / "dovecot.conf"
        self._configuration.write_text(text, encoding="utf-8")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def start(self) -> None:
        subprocess.run([DOVECOT, "-c", self._configuration], check=True)
        until(self._answers)

    def stop(self) -> None:
        subprocess.run([DOVECOT, "-c", self._configuration, "stop"], check=False)

    def url(self, user: str, folder: str = "", scheme: str = "imaps") -> str:
        port = self.imaps if scheme == "imaps" else self.imap
        return f"{scheme}://{user}:{PASSWORD.replace(',', '%2C')}@localhost:{port}/{folder}"

    def put(self, user: str, *mails: bytes, folder: str = "INBOX") -> None:
        """Deliver mails into a folder."""
        with self._client(user) as client:
            for mail in mails:
                status, said = client.append(folder, "", "", mail)
                assert status == "OK", said

    def mails(self, user: str, folder: str = "INBOX") -> Sequence[bytes]:
        """The mails of a folder; none if it does not exist."""
        with self._client(user) as client:
            if client.select(folder, readonly=True)[0] != "OK":
                return []
            found = [client.fetch(number, "(BODY.PEEK[])")[1][0] for number in client.search(None, "ALL")[1][0].split()]
            return [part[1] for part in found if isinstance(part, tuple)]

    def flags(self, user: str) -> str:
        """Flags of all mails of the INBOX."""
        with self._client(user) as client:
            client.select("INBOX", readonly=True)
            return str(client.fetch("1:*", "(FLAGS)")[1])

    @contextmanager
    def _client(self, user: str) -> Iterator[imaplib.IMAP4_SSL]:
        context = certificates.trusting(self.cert)
        with imaplib.IMAP4_SSL("localhost", self.imaps, ssl_context=context, timeout=30) as client:
            client.login(user, PASSWORD)
            yield client

    def _answers(self) -> bool:
        try:
            with self._client("nobody-yet"):
                return True
        except (OSError, imaplib.IMAP4.error):
            return False
