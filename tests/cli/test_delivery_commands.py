"""`mailtalk deliveries`, and `mailtalk explain --address`: what became of the mails, and what to do about them."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cast import Cast
from support.command_line import Command, command
from support.outbox import Post, at
from support.sql import column, rows

from mailtalk import clock
from mailtalk.keys import Keyring
from mailtalk.outbound import suppressions
from mailtalk.outbound.sending_settings import DEFAULT
from mailtalk.outbound.suppressions import Refusal
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind, Notify


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    """Two mails to Bob, of which the first failed."""
    cast.join("alice", "bob")
    post = Post(cast, keyring)
    for seconds in (0, 1000):
        post.say("alice", "hi", seconds)
        assert post.mailed(seconds + 30) == ["bob"]
    rows(
        cast.database,
        """UPDATE deliveries SET stage = 'failed', reply = '554 no', attempts = 1, ended_at = created_at
        WHERE created_at < :then""",
        then=at(500),
    )
    return post


def listed(mailtalk: Command, *options: str) -> list[Any]:
    found: list[Any] = json.loads(mailtalk("deliveries", "list", "--json", *options).stdout)
    return found


def test_mails_are_listed_newest_first_and_by_pages(mailtalk: Command, post: Post) -> None:
    queued, failed = listed(mailtalk)
    assert (queued["stage"], failed["stage"], failed["reply"]) == ("queued", "failed", "554 no")
    assert failed["createdAt"] == "2026-01-02T03:04:35Z"
    assert listed(mailtalk, "--limit", "1", "--after", queued["id"]) == [failed]
    assert listed(mailtalk, "--stage", "failed", "--stage", "held", "--app", "demo") == [failed]
    assert listed(mailtalk, "--address", "BOB@example.com", "--since", "2026-01-02T03:10:00Z") == [queued]
    table = mailtalk("deliveries", "list").stdout
    assert failed["id"] in table
    assert "554 no" in table
    assert mailtalk("deliveries", "list", "--stage", "held").stdout == "No such mails.\n"


def test_one_mail_is_shown_without_its_text(mailtalk: Command, post: Post) -> None:
    failed = listed(mailtalk, "--stage", "failed")[0]
    assert json.loads(mailtalk("deliveries", "show", failed["id"], "--json").stdout) == failed
    shown = mailtalk("deliveries", "show", failed["id"]).stdout
    assert "reply           554 no\n" in shown
    assert "no delivery" in mailtalk("deliveries", "show", "0" * 32, code=1).stderr


def test_a_failed_mail_is_sent_again(mailtalk: Command, post: Post) -> None:
    (failed,) = listed(mailtalk, "--stage", "failed")
    assert mailtalk("deliveries", "retry", failed["id"]).stdout == "Mails to be sent again: 1.\n"
    assert column(post.cast.database, "SELECT DISTINCT stage FROM deliveries") == ["queued"]


def test_many_are_sent_again_or_cancelled_only_if_one_says_so(mailtalk: Command, post: Post) -> None:
    assert mailtalk("deliveries", "retry", "--stage", "failed", code=1).stdout.startswith("Send all mails that")
    assert mailtalk("deliveries", "retry", "--stage", "failed", "--yes").stdout == "Mails to be sent again: 1.\n"
    cancelled = mailtalk("deliveries", "cancel", "--address", "bob@example.com", "--since", "365d", "--yes").stdout
    assert cancelled == "Mails cancelled: 2.\n"
    assert {row["reply"] for row in listed(mailtalk)} == {"by the operator"}


def test_what_cannot_be_chosen_is_a_wrong_argument(mailtalk: Command, post: Post) -> None:
    assert "name mails by their ids" in mailtalk("deliveries", "retry", code=2).stderr
    refused = mailtalk("deliveries", "retry", "--stage", "sent", "--yes", code=2).stderr
    assert "not from the stage sent; only from deferred, failed" in refused


def test_an_address_is_explained_in_all_its_conversations(mailtalk: Command, post: Post) -> None:
    post.cast.change("bob", Request(ChangeKind.UPDATE, notify=Notify.OFF, mute_until=at(2e9)))
    told = mailtalk("explain", "--address", "Bob@Example.com").stdout
    assert told.startswith("Bob@Example.com: Bob (demo/bob)\n")
    muted = "they muted the conversation until 2089-05-19T"
    assert f"hello: the next message is not mailed: {muted}" in told
    assert "; and their notify is false." in told
    assert "to bob@example.com was refused at 2026-01-02T03:04:35Z; the reply was: 554 no" in told
    content = json.loads(mailtalk("explain", "--address", "bob@example.com", "--json").stdout)
    assert content["participations"][0]["bars"] == ["muted", "notify-off"]
    assert [row["stage"] for row in content["deliveries"]] == ["queued", "failed"]


def test_an_address_that_left_or_is_dead_is_told_so(mailtalk: Command, post: Post) -> None:
    post.cast.leave("bob")
    with post.cast.database.transaction() as session:
        refusal = Refusal("demo", "bob@example.com", "5.1.1", dead=True)
        suppressions.note(session, clock.now(), [refusal], DEFAULT.suppress)
    told = mailtalk("explain", "--address", "bob@example.com").stdout
    assert "there is no such mailbox" in told
    assert "they left the conversation; and mail to all their addresses is suppressed." in told


def test_an_unknown_address_is_told_so(mailtalk: Command, cast: Cast) -> None:
    told = mailtalk("explain", "--address", "nobody@example.com").stdout
    assert told == "nobody@example.com: no user has this address\n\nNo mails to it.\n"
    assert "--address" in mailtalk("explain", "hello", code=2).stderr
    assert "--address" in mailtalk("explain", code=2).stderr
