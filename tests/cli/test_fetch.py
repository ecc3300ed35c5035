"""`mailtalk fetch` at a real Dovecot: mails that are ours become rows before they are moved; all others stay."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from support.cast import Cast
from support.command_line import MAILTALK
from support.dovecot import PASSWORD, Dovecot, needs_dovecot
from support.smtp_client import DOMAIN, address_of, kept
from support.sql import column, rows
from support.waiting import until

from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from worker.server import WorkerServer

pytestmark = needs_dovecot
SENDER = "bob@example.com"
STRANGER = b"Delivered-To: catchall@example.com\r\nReceived: by mx\r\nTo: sales@example.com\r\n\r\nOffer\r\n"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as dovecot:
        yield dovecot


@pytest.fixture
def to(cast: Cast, keyring: Keyring) -> str:
    """Bob's address."""
    cast.join("alice", "bob")
    return address_of(cast, keyring, "bob")


def delivered(to: str, text: str = "Hello", message_id: str = "1") -> bytes:
    """A mail as Postfix's local delivery leaves it in a catch-all mailbox."""
    top = f"Return-Path: <{SENDER}>\r\nX-Original-To: {to}\r\nDelivered-To: catchall@example.com\r\n"
    head = f"Received: from x by mx\r\nFrom: Bob <{SENDER}>\r\nTo: {to}\r\nMessage-ID: <{message_id}@x>\r\n"
    return f"{top}{head}\r\n{text}\r\n".encode()


@dataclass(frozen=True)
class Mailbox:
    """A mailbox of the test's own, and `mailtalk fetch` for it."""

    dovecot: Dovecot
    user: str
    environment: dict[str, str]

    @property
    def inbox(self) -> Sequence[bytes]:
        return self.dovecot.mails(self.user)

    def folder(self, name: str = "Mailtalk") -> Sequence[bytes]:
        return self.dovecot.mails(self.user, name)

    def put(self, *mails: bytes) -> None:
        self.dovecot.put(self.user, *mails)

    def once(self, **more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, MAILTALK, "fetch", "--once"]
        return subprocess.run(command, env=self.environment | more, capture_output=True, text=True, check=False)

    @contextmanager
    def watching(self) -> Iterator["subprocess.Popen[bytes]"]:
        process = subprocess.Popen([sys.executable, MAILTALK, "fetch"], env=self.environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def box(settings: Settings, dovecot: Dovecot, tmp_path: Path) -> Mailbox:
    user, names = f"box-{uuid4().hex}", ("database_url", "redis_url", "secret_key")
    own = {f"MAILTALK_{name.upper()}": settings.require(name) for name in names}
    own |= {"MAILTALK_IMAP_URL": dovecot.url(user), "MAILTALK_DATA_DIR": str(tmp_path)}
    return Mailbox(dovecot, user, os.environ | own | {"SSL_CERT_FILE": str(dovecot.cert)})


def test_our_mail_is_stored_byte_for_byte_and_moved_and_others_stay_as_they_are(
    box: Mailbox, cast: Cast, to: str
) -> None:
    unknown = delivered("a" * 30 + f"@{DOMAIN}")
    box.put(STRANGER, delivered(to), unknown)
    assert box.once().returncode == 0
    assert kept(cast) == [delivered(to)]
    assert rows(cast.database, "SELECT mail_from, client_ip FROM raw_mails") == [(SENDER, None)]
    assert (box.inbox, box.folder()) == ([STRANGER, unknown], [delivered(to)])
    assert "Seen" not in box.dovecot.flags(box.user)
    assert box.once().returncode == 0
    assert len(kept(cast)) == 1
    assert (box.inbox, box.folder()) == ([STRANGER, unknown], [delivered(to)])


def test_all_others_go_to_a_folder_of_their_own_if_there_is_one(box: Mailbox, cast: Cast, to: str) -> None:
    large = delivered(to, "x" * 2_000)
    box.put(STRANGER, large, delivered(to))
    done = box.once(MAILTALK_IMAP_OTHER_FOLDER="Others", MAILTALK_SMTP_MESSAGE_BYTES="1000")
    assert (done.returncode, "larger than" in done.stderr) == (0, True)
    assert (box.inbox, box.folder("Others")) == ([], [STRANGER, large])
    assert kept(cast) == [delivered(to)]


def test_several_mailboxes_with_tls_from_the_start_or_by_starttls(box: Mailbox, cast: Cast, to: str) -> None:
    first, second = delivered(to, message_id="1"), delivered(to.replace("@", "+x@"), message_id="2")
    plus = delivered(f"replies+{to}".upper(), message_id="3")
    box.put(first, second)
    box.dovecot.put(f"{box.user}-2", plus)
    urls = f"{box.dovecot.url(box.user)},{box.dovecot.url(f'{box.user}-2', 'INBOX', 'imap')}"
    assert box.once(MAILTALK_IMAP_URL=urls).returncode == 0
    assert kept(cast) == [first, plus]


def test_a_server_that_is_not_proven_or_refuses_us_is_tried_again_later_and_shows_no_password(box: Mailbox) -> None:
    wrong = box.dovecot.url(box.user).replace("word@", "wrong@")
    for more in (
        {"SSL_CERT_FILE": "/dev/null"},
        {"SSL_CERT_FILE": "/dev/null", "MAILTALK_IMAP_URL": box.dovecot.url(box.user, scheme="imap")},
        {"MAILTALK_IMAP_URL": wrong},
        {"MAILTALK_IMAP_URL": "imaps://u:p@localhost:1/"},
    ):
        done = box.once(**more)
        assert (done.returncode, "Traceback" in done.stderr) == (os.EX_TEMPFAIL, False)
        assert not any(secret in done.stderr for secret in (PASSWORD, "pass", "wrong"))
    assert box.once(MAILTALK_IMAP_URL="pop3://x").returncode == 2
    assert box.once(MAILTALK_IMAP_URL="").returncode == 2


def test_it_waits_for_mails_and_comes_back_after_the_server_was_away(box: Mailbox, cast: Cast, to: str) -> None:
    box.put(delivered(to, "one", "1"))
    with box.watching() as process:
        until(lambda: len(box.folder()) == 1)
        box.put(delivered(to, "two", "2"))
        until(lambda: len(box.folder()) == 2)
        box.dovecot.stop()
        box.dovecot.start()
        box.put(delivered(to, "three", "3"))
        until(lambda: len(box.folder()) == 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert len(kept(cast)) == 3
    assert box.inbox == []


def test_killed_between_commit_and_move_it_posts_one_message(
    box: Mailbox, cast: Cast, to: str, worker: WorkerServer
) -> None:
    box.put(delivered("nobody@example.com"))
    assert box.once(MAILTALK_IMAP_OTHER_FOLDER="Mailtalk").returncode == 0  # the folder exists now
    folder = box.dovecot.directory / "mail" / box.user / ".Mailtalk"
    owner = folder.stat()
    with _locked(folder):
        box.put(delivered(to))
        with box.watching() as process:
            until(lambda: kept(cast))
            process.kill()
    assert folder.stat().st_uid == owner.st_uid
    assert box.inbox == [delivered(to)]
    assert box.once().returncode == 0
    assert box.inbox == []
    until(lambda: column(cast.database, "SELECT text FROM messages") == ["Hello"])
    assert column(cast.database, "SELECT outcome FROM inbound_mails") == ["posted"]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep Dovecot from putting mails into a folder."""
    places = [folder, *(folder / name for name in ("cur", "new", "tmp"))]
    before = [(place, place.stat()) for place in places]
    for place in places:
        if os.geteuid() == 0:
            os.chown(place, 0, 0)
        place.chmod(0o500)
    try:
        yield
    finally:
        for place, was in before:
            place.chmod(was.st_mode)
            if os.geteuid() == 0:
                os.chown(place, was.st_uid, was.st_gid)


def test_a_mail_seen_under_another_uid_is_one_message(box: Mailbox, cast: Cast, to: str, worker: WorkerServer) -> None:
    box.put(delivered(to), delivered(to))
    assert box.once().returncode == 0
    outcomes = "SELECT outcome FROM inbound_mails WHERE outcome <> 'received' ORDER BY id"
    until(lambda: len(column(cast.database, outcomes)) == 2)
    assert sorted(column(cast.database, outcomes)) == ["ignored", "posted"]
