"""`mailtalk mails`: captured mails for people, for programs, and as files."""

import email
import json
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
from support.cast import Cast
from support.command_line import MAILTALK, Command, command, environment
from support.outbox import Post
from support.sql import column, rows
from support.waiting import until

from mailtalk.keys import Keyring

CAPTURE = "UPDATE deliveries SET stage = 'captured', ended_at = not_before WHERE stage = 'queued'"


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    """Two captured mails to Bob."""
    cast.join("alice", "bob")
    post = Post(cast, keyring)
    for i, text in enumerate(("grüße", "two")):
        post.say("alice", text, 1000 * i)
        assert post.mailed(1000 * i + 30) == ["bob"]
    rows(cast.database, CAPTURE)
    return post


def test_mails_are_shown_oldest_first(mailtalk: Command, post: Post) -> None:
    shown = mailtalk("mails").stdout
    assert shown.index("grüße") < shown.index("two")
    assert "Reply-To: " in shown
    assert "two" in mailtalk("mails", "--limit", "1").stdout
    assert "grüße" not in mailtalk("mails", "--limit", "1").stdout
    assert "<html" in mailtalk("mails", "--html").stdout


def test_the_source_is_the_mail_byte_for_byte(mailtalk: Command, post: Post) -> None:
    (newest,) = json.loads(mailtalk("mails", "--source", "--json", "--limit", "1").stdout)
    source = mailtalk("mails", "--source", "--to", "bob@example.com").stdout_bytes
    assert source == b64decode(newest["source"])
    assert newest["address"] in email.message_from_bytes(source)["To"]
    older = str(column(post.cast.database, "SELECT id FROM deliveries ORDER BY created_at")[0])
    assert mailtalk("mails", "--source", "--id", older).stdout_bytes != source
    assert "no such captured mail" in mailtalk("mails", "--source", "--to", "carol@example.com", code=1).stderr


def test_mails_as_json_have_their_texts(mailtalk: Command, post: Post) -> None:
    first, second = json.loads(mailtalk("mails", "--json").stdout)
    assert "grüße" in first["text"]
    assert "two" in second["html"]
    assert "source" not in first
    assert "@" in first["replyTo"]


def test_new_mails_are_followed(post: Post, database_url: str, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [MAILTALK, "mails", "--follow", "--limit", "1"],
        env=environment(database_url, tmp_path) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    seen = ""
    while "two" not in seen:
        seen += running.stdout.readline()
    post.say("alice", "three", 2000)
    assert post.mailed(2030) == ["bob"]
    rows(post.cast.database, CAPTURE)
    while "three" not in seen:
        seen += running.stdout.readline()
    running.terminate()
    running.communicate(timeout=20)
    assert seen.count("two") == 1
    until(lambda: running.poll() is not None)


def test_a_stream_is_for_people(mailtalk: Command, cast: Cast) -> None:
    assert "leave out" in mailtalk("mails", "--follow", "--json", code=2).stderr
