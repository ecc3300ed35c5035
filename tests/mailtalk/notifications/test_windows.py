"""Windows gather messages; their close opens one notification for each whom the rule selects."""

import threading

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.outbox import SENDER, Post, at
from support.sql import column, raise_for, rows, until_blocked

from mailtalk.keys import Keyring
from mailtalk.notifications import windows
from mailtalk.notifications.builder import MailBuilder
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Notify

OPEN = "SELECT user_id FROM notifications WHERE status = 'open' ORDER BY user_id"
DUE = "SELECT window_due_at FROM conversations"


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    return Post(cast, keyring)


def test_a_window_closes_when_it_was_quiet_long_enough(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.say("alice", "hi", 0)
    assert post.close(29.9) == 0
    assert post.close(30) == 1
    assert column(post.cast.database, OPEN) == ["bob"]
    assert post.close(1000) == 0


def test_each_message_puts_the_end_off_but_not_beyond_the_cap(post: Post) -> None:
    post.cast.join("alice", "bob")
    for seconds, due in ((0, 30), (20, 50), (69, 99), (71, 100), (99, 100)):
        post.say("alice", "hi", seconds)
        assert column(post.cast.database, DUE) == [at(due)]


def test_after_the_cap_the_next_message_opens_a_new_window(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.say("alice", "one", 0)
    post.close(100)
    post.say("alice", "two", 101)
    assert column(post.cast.database, DUE) == [at(131)]


def test_the_systems_messages_open_no_window(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.say(None, "Alice joined <!!mention:bob|Bob>")
    assert column(post.cast.database, DUE) == [None]


def test_only_those_whom_the_rule_selects_have_one(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.cast.join("carol", notify=Notify.MENTIONS_ONLY)
    post.cast.join("dave", notify=Notify.OFF)
    post.say("alice", "hi")
    post.close(100)
    assert column(post.cast.database, OPEN) == ["bob"]
    post.say("alice", "<!!mention:carol|Carol> <!!mention:dave|Dave> hi", 200)
    post.close(300)
    assert column(post.cast.database, OPEN) == ["bob", "carol"]


def test_who_wrote_is_told_of_the_others_only(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.say("alice", "hi", 0)
    post.say("bob", "ho", 1)
    post.close(100)
    assert column(post.cast.database, OPEN) == ["alice", "bob"]


@pytest.mark.parametrize("change", [Request(ChangeKind.LEAVE), Request(ChangeKind.UPDATE, Access.NONE)])
def test_who_went_before_the_close_has_none(post: Post, change: Request) -> None:
    post.cast.join("alice", "bob")
    post.say("alice", "hi")
    post.cast.change("bob", change)
    post.close(100)
    assert column(post.cast.database, OPEN) == []


def test_at_most_one_is_open_for_each(post: Post) -> None:
    post.cast.join("alice", "bob")
    for seconds in (0, 200, 400):
        post.say("alice", "hi", seconds)
        post.close(seconds + 100)
    assert rows(post.cast.database, "SELECT user_id, from_seq FROM notifications WHERE status = 'open'") == [("bob", 1)]


def test_a_message_that_comes_while_a_mail_is_made_is_not_forgotten(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.say("alice", "one", 0)
    post.close(100)
    with post.cast.database.transaction() as session:
        assert MailBuilder(session, post.keyring, SENDER, at(100)).build() == 1
        post.say("alice", "two", 101)
        closing = threading.Thread(target=post.close, args=(200,))
        closing.start()
        until_blocked(post.cast.database)
    closing.join()
    assert post.make(200) == 1
    assert len(post.mails()) == 2


def test_two_who_close_at_once_do_it_once(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.say("alice", "hi")
    with post.cast.database.transaction() as session:
        assert windows.close_windows(session, at(100)) == 1
        assert post.close(100) == 0
    assert column(post.cast.database, OPEN) == ["bob"]


def test_a_close_that_fails_leaves_the_window_open(post: Post) -> None:
    post.cast.join("alice", "bob")
    post.say("alice", "hi")
    raise_for(post.cast.database, "notifications", "NEW.user_id = 'bob'")
    with pytest.raises(Exception, match="poison"):
        post.close(100)
    assert column(post.cast.database, DUE) == [at(30)]


def test_the_next_due_moment_is_the_earliest_of_all(post: Post) -> None:
    def due() -> object:
        with post.cast.database.transaction() as session:
            return windows.next_due(session)

    assert due() is None
    post.cast.join("alice", "bob")
    post.say("alice", "hi", 0)
    assert due() == at(30)
    post.close(40)
    assert due() == at(40)
    post.say("alice", "hi", 5)
    assert due() == at(35)
    post.make(45)
    rows(post.cast.database, "UPDATE deliveries SET not_before = :at", at=at(7))
    assert due() == at(7)


@pytest.mark.parametrize("frequency", ["default", "daily"])
def test_ten_thousand_participants_are_one_close(post: Post, frequency: str) -> None:
    post.cast.join("alice")
    rows(post.cast.database, "UPDATE apps SET frequency = :frequency", frequency=frequency)
    everybody = "SELECT :app, 'u' || n, 'U' FROM generate_series(1, 10000) AS n"
    rows(post.cast.database, f"INSERT INTO users (app_id, id, name) {everybody}", app=post.cast.app_id)
    with post.cast.database.engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
                SELECT app_id, 'hello', id, true, 'ReadWrite', 'All', now() FROM users WHERE id <> 'alice'""")
        )
    post.say("alice", "hi")
    assert post.close(100) == 1
    assert column(post.cast.database, "SELECT count(*) FROM notifications WHERE status = 'open'") == [10_003]
