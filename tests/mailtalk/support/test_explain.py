"""Why somebody was mailed, was not, or is not yet: what the API and the command say of one participant."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.cast import Cast
from support.command_line import Command, command
from support.outbox import Post, at
from support.sql import rows

from mailtalk import clock
from mailtalk.conversations import users
from mailtalk.errors import Invalid, NotFound
from mailtalk.keys import Keyring
from mailtalk.outbound import suppressions
from mailtalk.participation.rules import Request
from mailtalk.support import explain as support_explain
from mailtalk.support.explain import NotificationReport
from mailtalk.vocabulary import Access, ChangeKind, Frequency, Notify, Reason, Stage, Suspicion


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    cast.join("alice", "bob")
    return Post(cast, keyring)


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


def page(cast: Cast, user: str = "bob", **asked: Any) -> list[NotificationReport]:
    with cast.database.transaction() as session:
        return support_explain.page(session, cast.participant(user), **{"limit": 10} | asked)


def explain(mailtalk: Command, user: str = "bob", *options: str) -> str:
    told: str = mailtalk("explain", "hello", user, "--app", "demo", *options).stdout
    return told


def test_each_notification_has_its_messages_and_its_mails(post: Post) -> None:
    one, two = post.say("alice", "one", 0), post.say("alice", "two", 1)
    own = post.say("bob", "mine", 2)
    post.mailed(100)
    own_told, told = page(post.cast)
    assert (told.notification.status, told.messages) == ("made", [one.id, two.id])
    assert [each.address for each in told.deliveries] == ["bob@example.com"]
    assert (own_told.notification.reason, own_told.messages, own_told.deliveries) == ("own-message", [own.id], ())


def test_what_waits_says_for_which_messages_and_until_when(post: Post) -> None:
    post.cast.change("bob", Request(ChangeKind.UPDATE, frequency=Frequency.DAILY))
    first = post.say("alice", "one", 0)
    post.close(50)
    second = post.say("alice", "two", 60)
    (told,) = page(post.cast)
    assert (told.notification.status, told.messages) == ("open", [first.id, second.id])


def test_pages_go_back_and_a_strangers_id_is_refused(post: Post) -> None:
    for seconds in (0, 1000, 2000):
        post.say("alice", "hi", seconds)
        post.mailed(seconds + 500)
    newest, older, oldest = (told.notification.id for told in page(post.cast))
    assert newest > older > oldest
    assert [told.notification.id for told in page(post.cast, limit=1, before=older)] == [oldest]
    with pytest.raises(Invalid):
        page(post.cast, "alice", before=older)


def test_who_left_still_has_theirs_and_who_never_joined_is_not_found(post: Post) -> None:
    post.say("alice", "hi")
    post.mailed(100)
    post.cast.leave("bob")
    assert len(page(post.cast)) == 1
    with pytest.raises(NotFound):
        page(post.cast, "carol")


@pytest.mark.parametrize(
    ("request_", "reason", "words"),
    [
        (Request(ChangeKind.LEAVE), Reason.LEFT, "they left the conversation"),
        (Request(ChangeKind.UPDATE, Access.NONE), Reason.ACCESS_NONE, "their access is None"),
        (Request(ChangeKind.UPDATE, notify=Notify.OFF), Reason.NOTIFY_OFF, "their notify is false"),
        (
            Request(ChangeKind.UPDATE, mute_until=at(2e9)),
            Reason.MUTED,
            "they muted the conversation until 2089-05-19T",
        ),
        (Request(ChangeKind.UPDATE, notify=Notify.MENTIONS_ONLY), None, "if it mentions them, is mailed when"),
        (Request(ChangeKind.UPDATE, frequency=Frequency.HOURLY), None, "is mailed in a digest at the next full hour"),
    ],
)
def test_the_command_says_what_holds_for_the_next_message(
    post: Post, mailtalk: Command, request_: Request, reason: Reason | None, words: str
) -> None:
    post.cast.change("bob", request_)
    assert words in explain(mailtalk).splitlines()[1]
    told = json.loads(explain(mailtalk, "bob", "--json"))
    assert told["barredBy"] == reason
    assert words in told["next"]


def test_who_chose_nothing_is_mailed_as_often_as_the_app_says(post: Post, mailtalk: Command) -> None:
    rows(post.cast.database, "UPDATE apps SET frequency = 'daily'")
    assert "is mailed in a digest at eight in the morning" in explain(mailtalk)
    post.cast.change("bob", Request(ChangeKind.UPDATE, frequency=Frequency.HOURLY))
    assert "is mailed in a digest at the next full hour" in explain(mailtalk)


def test_the_command_tells_why_bob_got_no_mail(post: Post, mailtalk: Command) -> None:
    assert "No notifications in the last 30 days." in explain(mailtalk)
    post.cast.change("bob", Request(ChangeKind.UPDATE, mute_until=at(60)))
    post.say("alice", "one", 0)
    post.close(50)
    assert "1 message: not mailed, because they had muted the conversation" in explain(mailtalk)
    post.say("alice", "two", 100)
    assert "New messages are collected until 2026-01-02T03:06:15Z" in explain(mailtalk)


def test_the_command_tells_what_waits_and_what_the_relay_said(post: Post, mailtalk: Command) -> None:
    post.say("alice", "one", 0)
    post.close(50)
    rows(post.cast.database, "UPDATE notifications SET not_before = '2100-01-01' WHERE status = 'open'")
    assert "1 message: waits until 2100-01-01T00:00:00Z" in explain(mailtalk)
    rows(post.cast.database, "UPDATE notifications SET not_before = now() - interval '1 ms' WHERE status = 'open'")
    assert "1 message: about to be mailed" in explain(mailtalk)
    rows(post.cast.database, "UPDATE notifications SET not_before = :then WHERE status = 'open'", then=at(50))
    post.make(60)
    assert "to bob@example.com waits to be sent" in explain(mailtalk)
    rows(
        post.cast.database,
        "UPDATE deliveries SET stage = 'deferred', reply = '451 later\x1b[2J', attempts = 3, not_before = '2100-01-01'",
    )
    told = explain(mailtalk)
    assert "is tried again at 2100-01-01T00:00:00Z, after 3 attempts; the reply was: 451 later\\x1b[2J" in told


def test_who_has_no_address_is_told_so(post: Post, mailtalk: Command) -> None:
    with post.cast.database.transaction() as session:
        users.put(session, post.cast.app_id, "bob", {"emails": None})
    post.say("alice", "one", 0)
    post.mailed(50)
    told = explain(mailtalk)
    assert "is not mailed: they have no email address" in told
    assert "not mailed, because they have no email address" in told


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_words(post: Post, mailtalk: Command, stage: Stage) -> None:
    post.say("alice", "one", 0)
    post.mailed(50)
    rows(post.cast.database, "UPDATE deliveries SET stage = :stage", stage=stage)
    assert re.search(r"^    to bob@example.com (is|was|waits|may) \w+", explain(mailtalk), re.MULTILINE)


def test_the_command_tells_which_addresses_get_nothing_and_why(post: Post, mailtalk: Command) -> None:
    def suppress(address: str, reason: Suspicion) -> None:
        with post.cast.database.transaction() as session:
            suppressions.suppress(session, clock.now(), post.cast.app_id, address, reason, None, timedelta(days=9))

    with post.cast.database.transaction() as session:
        users.put(session, post.cast.app_id, "bob", {"emails": ["Bob@example.com", "b@example.com"]})
    suppress("bob@example.com", Suspicion.COMPLAINED)
    told = explain(mailtalk)
    assert "is mailed when" in told
    assert "Nothing is sent to bob@example.com until someone releases it: its owner complained." in told
    suppress("b@example.com", Suspicion.DEAD)
    told = explain(mailtalk)
    assert "is not mailed: mail to all their addresses is suppressed" in told
    assert re.search(r"to b@example.com until 20\d\d-[\dT:-]+Z: there is no such mailbox", told)
    shown = json.loads(explain(mailtalk, "bob", "--json"))
    assert [each["reason"] for each in shown["suppressed"]] == ["dead", "complained"]
    assert shown["barredBy"] == "suppressed"


def test_the_command_needs_what_is_there(mailtalk: Command, post: Post) -> None:
    assert "was never a participant" in mailtalk("explain", "hello", "carol", "--app", "demo", code=1).stderr
    assert "no conversation" in mailtalk("explain", "none", "bob", "--app", "demo", code=1).stderr
