import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.cast import Cast
from support.command_line import Command, command
from support.outbox import Post
from support.sql import column, rows

from mailtalk import clock
from mailtalk.keys import Keyring
from mailtalk.outbound import suppressions
from mailtalk.vocabulary import Suspicion

BOB = "bob@example.com"


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


def complain(cast: Cast) -> None:
    with cast.database.transaction() as session:
        suppressions.suppress(session, clock.now(), "demo", BOB, Suspicion.COMPLAINED, None, timedelta(1))


@pytest.fixture
def held(cast: Cast, keyring: Keyring) -> str:
    """A mail to Bob is held."""
    cast.join("alice", "bob")
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed(30) == ["bob"]
    rows(cast.database, "UPDATE deliveries SET stage = 'held', unknowns = 1, reply = 'the connection broke'")
    return str(column(cast.database, "SELECT id FROM deliveries")[0])


def test_suppressions_are_listed_and_released(mailtalk: Command, cast: Cast) -> None:
    assert mailtalk("suppressions", "list", "--app", "demo").stdout == "No address is suppressed.\n"
    complain(cast)
    (found,) = json.loads(mailtalk("suppressions", "list", "--app", "demo", "--json").stdout)
    assert (found["address"], found["reason"]) == (BOB, "complained")
    assert BOB in mailtalk("suppressions", "list", "--app", "demo").stdout
    assert mailtalk("suppressions", "release", "--app", "demo", "BOB@example.com").stdout.endswith(
        "it gets mail again.\n"
    )
    assert json.loads(mailtalk("suppressions", "list", "--app", "demo", "--json").stdout) == []


def test_what_is_not_suppressed_cannot_be_released(mailtalk: Command, cast: Cast) -> None:
    assert "is not suppressed" in mailtalk("suppressions", "release", "--app", "demo", BOB, code=1).output
    assert "other" in mailtalk("suppressions", "release", "--app", "other", BOB, code=1).output


def test_held_mails_are_listed_and_sent_again(mailtalk: Command, cast: Cast, held: str) -> None:
    (found,) = json.loads(mailtalk("held", "list", "--app", "demo", "--json").stdout)
    assert (found["id"], found["userId"], found["reply"]) == (held, "bob", "the connection broke")
    assert mailtalk("held", "send", "--app", "demo", "--id", held).stdout == "Held mails to be sent again: 1.\n"
    assert column(cast.database, "SELECT stage FROM deliveries") == ["queued"]
    assert mailtalk("held", "list", "--app", "demo").stdout == "No mail is held.\n"


def test_held_mails_are_dropped_all_at_once(mailtalk: Command, cast: Cast, held: str) -> None:
    assert mailtalk("held", "drop", "--app", "demo").stdout == "Held mails dropped: 1.\n"
    assert column(cast.database, "SELECT stage FROM deliveries") == ["cancelled"]
