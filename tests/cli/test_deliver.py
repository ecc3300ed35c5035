"""`mailtalk deliver`: one mail from stdin, with the exit codes of sysexits.h."""

import os
import subprocess
import sys

import pytest
from support.cast import Cast
from support.command_line import MAILTALK
from support.smtp_client import MAIL, address_of, kept
from support.sql import rows

from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings


def deliver(settings: Settings, *words: str, mail: bytes = MAIL, **more: str) -> "subprocess.CompletedProcess[str]":
    names = ("database_url", "redis_url", "secret_key")
    own = {f"MAILTALK_{name.upper()}": settings.require(name) for name in names}
    command = [sys.executable, MAILTALK, "deliver", *words]
    done = subprocess.run(command, input=mail, env=os.environ | own | more, capture_output=True, check=False)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def to(cast: Cast, keyring: Keyring) -> str:
    cast.join("bob")
    return address_of(cast, keyring, "bob")


def test_0_is_on_disk(settings: Settings, cast: Cast, to: str) -> None:
    done = deliver(settings, "--sender", "bob@example.com", to)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert kept(cast) == [MAIL]
    assert rows(cast.database, "SELECT mail_from, client_ip FROM raw_mails") == [("bob@example.com", None)]


def test_67_for_nobody_here(settings: Settings, cast: Cast, to: str) -> None:
    for recipient in ("nobody@reply.localhost", "bob@example.com", "a" * 30 + "@reply.localhost"):
        done = deliver(settings, recipient)
        assert (done.returncode, done.stderr) == (os.EX_NOUSER, "mailtalk: no such mailbox here\n")
    assert kept(cast) == []


def test_65_for_what_is_empty_or_too_large(settings: Settings, cast: Cast, to: str) -> None:
    assert deliver(settings, to, mail=b"\n").returncode == os.EX_DATAERR
    assert (
        deliver(settings, to, MAILTALK_SMTP_MESSAGE_BYTES="1000", mail=MAIL + b"x" * 1000).returncode == os.EX_DATAERR
    )
    assert kept(cast) == []


@pytest.mark.parametrize(
    "trouble",
    [
        {"MAILTALK_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing"},
        {"MAILTALK_SECRET_KEY": "short"},
        {"MAILTALK_SMTP_MESSAGE_BYTES": "much"},
    ],
    ids=["no database", "a wrong key", "a wrong setting"],
)
def test_75_for_trouble_of_ours_so_that_nothing_bounces(
    settings: Settings, cast: Cast, to: str, trouble: dict[str, str]
) -> None:
    done = deliver(settings, to, **trouble)
    assert done.returncode == os.EX_TEMPFAIL
    assert "mailtalk: " in done.stderr
    assert "Traceback" not in done.stderr
    assert kept(cast) == []


def test_a_key_that_is_missing_is_trouble_of_ours(settings: Settings, cast: Cast, to: str) -> None:
    done = deliver(settings, to, MAILTALK_SECRET_KEY="n" * 32)
    assert done.returncode == os.EX_TEMPFAIL
