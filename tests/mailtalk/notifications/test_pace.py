"""Who is mailed sooner or later than the conversation's window says: mentions, immediately, hourly, daily."""

import threading
from datetime import datetime, timedelta

import pytest
from support.cast import Cast
from support.outbox import SENDER, START, Post, at, text
from support.sql import column, rows, until_blocked

from mailtalk.conversations import apps
from mailtalk.keys import Keyring
from mailtalk.notifications import windows
from mailtalk.notifications.builder import MailBuilder
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind, Frequency, Notify

WAITING = "SELECT user_id, not_before FROM notifications WHERE status = 'open' ORDER BY user_id"
SEQS = "ARRAY(SELECT generate_series(lower(part), upper(part) - 1) FROM unnest(seqs) AS part) AS seqs"
REASONS = f"SELECT user_id, reason, {SEQS} FROM notifications WHERE status = 'cancelled' ORDER BY user_id, reason"  # noqa: S608  ours
TO_BOB = "<!!mention:bob|Bob> hi"
HOUR = START.replace(hour=4, minute=0, second=0)
MORNING = START.replace(hour=8, minute=0, second=0)


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    cast.join("alice", "bob", "carol")
    return Post(cast, keyring)


def waiting(post: Post) -> dict[str, datetime]:
    return {row.user_id: row.not_before for row in rows(post.cast.database, WAITING)}


def choose(post: Post, user: str, frequency: Frequency, notify: Notify | None = None) -> None:
    assert post.cast.change(user, Request(ChangeKind.UPDATE, notify=notify, frequency=frequency)) is None


def of_the_app(post: Post, frequency: Frequency) -> None:
    with post.cast.database.transaction() as session:
        apps.put(session, post.cast.app_id, {"frequency": frequency})


# mentions


def test_a_mention_shortens_the_wait_of_that_person_only(post: Post) -> None:
    post.say("alice", TO_BOB, 0)
    assert waiting(post) == {"bob": at(5)}
    post.say("alice", "and more", 3)
    assert waiting(post) == {"bob": at(5)}
    assert post.make(4.9) == 0
    assert post.make(5) == 1
    assert [user for user, _ in post.mails()] == ["bob"]
    assert "and more" in text(post.mails()[0][1])
    assert post.mailed(33) == ["carol"]


def test_what_was_written_before_the_mention_comes_with_it(post: Post) -> None:
    post.say("alice", "first", 0)
    post.say("alice", TO_BOB, 10)
    post.make(15)
    assert "first" in text(post.mails()[0][1])
    assert post.mailed(1000) == ["carol"]


def test_a_mention_waits_no_longer_than_the_window(post: Post) -> None:
    post.say("alice", "hi", 0)
    post.say("alice", "hi", 25)
    post.say("alice", "hi", 50)
    post.say("alice", "hi", 75)
    post.say("alice", TO_BOB, 98)
    assert waiting(post) == {"bob": at(100)}


def test_a_second_mention_puts_nothing_off(post: Post) -> None:
    post.say("alice", TO_BOB, 0)
    post.say("alice", TO_BOB, 4)
    assert waiting(post) == {"bob": at(5)}


@pytest.mark.parametrize("notify", [Notify.ALL, Notify.MENTIONS_ONLY])
def test_who_mentions_oneself_waits_like_the_others(post: Post, notify: Notify) -> None:
    choose(post, "bob", Frequency.DEFAULT, notify)
    post.say("bob", TO_BOB, 0)
    assert waiting(post) == {}


def test_a_mention_of_who_wants_no_mail_or_takes_no_part_hastens_nothing(post: Post) -> None:
    post.cast.change("bob", Request(ChangeKind.UPDATE, notify=Notify.OFF))
    post.cast.change("carol", Request(ChangeKind.UPDATE, mute_until=at(10)))
    post.say("alice", f"{TO_BOB} <!!mention:carol|C> <!!mention:dave|D> <!!mention:nobody|N>", 0)
    assert waiting(post) == {}
    assert post.mailed(100) == ["carol"]
    assert ("bob", "notify-off", [1]) in rows(post.cast.database, REASONS)


def test_a_mention_while_the_mail_is_being_made_is_not_forgotten(post: Post) -> None:
    post.say("alice", TO_BOB, 0)
    with post.cast.database.transaction() as session:
        assert MailBuilder(session, post.keyring, SENDER, at(5)).build() == 1
        posting = threading.Thread(target=post.say, args=("alice", TO_BOB, 6))
        posting.start()
        until_blocked(post.cast.database)
    posting.join()
    assert waiting(post) == {"bob": at(11)}
    assert post.make(11) == 1
    assert len(post.mails()) == 2


# frequencies


def test_immediately_is_at_once_and_only_for_others_messages(post: Post) -> None:
    choose(post, "bob", Frequency.IMMEDIATELY)
    choose(post, "alice", Frequency.IMMEDIATELY)
    post.say("alice", "hi", 0)
    assert waiting(post) == {"bob": at(0)}
    assert post.make(0) == 1
    post.say("bob", "ho", 1)
    assert waiting(post) == {"alice": at(1)}
    post.make(1)
    assert sorted(user for user, _ in post.mails()) == ["alice", "bob"]
    assert post.mailed(1000) == ["carol"]


def test_immediately_with_mentions_only_waits_for_a_mention(post: Post) -> None:
    choose(post, "bob", Frequency.IMMEDIATELY, Notify.MENTIONS_ONLY)
    post.say("alice", "hi", 0)
    assert waiting(post) == {}
    post.say("alice", TO_BOB, 1)
    assert waiting(post) == {"bob": at(1)}


@pytest.mark.parametrize(("frequency", "due"), [(Frequency.HOURLY, HOUR), (Frequency.DAILY, MORNING)])
def test_a_digest_gathers_until_its_hour_whatever_is_mentioned(post: Post, frequency: Frequency, due: datetime) -> None:
    choose(post, "bob", frequency)
    for seconds in (0, 200, 400):
        post.say("alice", f"{TO_BOB} {seconds}", seconds)
        post.close(seconds + 100)
    assert waiting(post)["bob"] == due
    late = (due - START).total_seconds()
    post.make(late - 1)
    assert "bob" not in [user for user, _ in post.mails()]
    post.make(late)
    (digest,) = [mail for user, mail in post.mails() if user == "bob"]
    assert [said for said in ("0", "200", "400") if f"hi {said}" in text(digest)] == ["0", "200", "400"]


def test_the_morning_is_the_users_own(post: Post) -> None:
    for user, zone in (("bob", "Asia/Tokyo"), ("carol", "Nowhere/City")):
        choose(post, user, Frequency.DAILY)
        rows(post.cast.database, "UPDATE users SET time_zone = :zone WHERE id = :user", zone=zone, user=user)
    post.say("alice", "hi", 0)
    post.close(100)
    assert waiting(post) == {"bob": MORNING.replace(hour=23), "carol": MORNING}


@pytest.mark.parametrize(
    ("before", "after", "due"),
    [
        (Frequency.DAILY, Frequency.HOURLY, "hour"),
        (Frequency.HOURLY, Frequency.DAILY, "morning"),
        (Frequency.DAILY, Frequency.DEFAULT, "now"),
        (Frequency.DAILY, Frequency.IMMEDIATELY, "now"),
        (Frequency.DEFAULT, Frequency.DAILY, "morning"),
    ],
)
def test_another_frequency_holds_for_what_waits_already(
    post: Post, before: Frequency, after: Frequency, due: str
) -> None:
    choose(post, "bob", before)
    post.say("alice", "hi", 0)
    post.close(100)
    carols = waiting(post)["carol"]
    choose(post, "bob", after)
    applied = column(post.cast.database, "SELECT max(applied_at) FROM changes")[0]
    hour = applied.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    morning = applied.replace(hour=8, minute=0, second=0, microsecond=0)
    morning += timedelta(days=morning <= applied)
    assert waiting(post) == {"bob": {"now": applied, "hour": hour, "morning": morning}[due], "carol": carols}


# the app's frequency


def test_a_digest_of_the_app_is_of_all_who_chose_nothing_else(post: Post) -> None:
    post.cast.join("dave")
    of_the_app(post, Frequency.DAILY)
    choose(post, "carol", Frequency.IMMEDIATELY)
    choose(post, "dave", Frequency.HOURLY)
    rows(post.cast.database, "UPDATE users SET time_zone = 'Asia/Tokyo' WHERE id = 'bob'")
    post.say("alice", TO_BOB, 0)
    assert waiting(post) == {"carol": at(0)}
    post.close(100)
    assert waiting(post) == {"bob": MORNING.replace(hour=23), "carol": at(0), "dave": HOUR}


def test_an_app_that_mails_immediately_mails_all_but_the_author_and_who_chose_otherwise(post: Post) -> None:
    post.cast.join("dave")
    of_the_app(post, Frequency.IMMEDIATELY)
    choose(post, "carol", Frequency.HOURLY)
    choose(post, "dave", Frequency.DEFAULT, Notify.MENTIONS_ONLY)
    post.say("alice", "hi", 0)
    assert waiting(post) == {"bob": at(0)}


# reasons


def test_each_who_is_not_mailed_has_the_reason(post: Post) -> None:
    post.cast.join("dave", notify=Notify.MENTIONS_ONLY)
    post.cast.change("bob", Request(ChangeKind.UPDATE, mute_until=at(500)))
    rows(post.cast.database, "UPDATE participations SET read_seq = 1 WHERE user_id = 'carol'")
    post.say("alice", "hi", 0)
    post.say("carol", "ho", 1)
    assert post.mailed(31) == ["alice"]
    assert [tuple(row) for row in rows(post.cast.database, REASONS)] == [
        ("alice", "own-message", [1]),
        ("bob", "muted", [1, 2]),
        ("carol", "already-read", [1]),
        ("carol", "own-message", [2]),
        ("dave", "not-mentioned", [1, 2]),
    ]
    made = f"SELECT {SEQS} FROM notifications WHERE status = 'made'"  # noqa: S608  ours
    assert rows(post.cast.database, made) == [([2],)]


def test_a_message_that_was_deleted_is_mailed_to_nobody(post: Post) -> None:
    message = post.say("alice", "hi", 0)
    post.close(100)
    rows(post.cast.database, "DELETE FROM messages WHERE id = :id", id=message.id)
    assert post.mailed(200) == []
    found = [(row.user_id, row.reason) for row in rows(post.cast.database, REASONS) if row.user_id != "alice"]
    assert found == [("bob", "nothing-left"), ("carol", "nothing-left")]


def test_what_ended_a_month_ago_is_forgotten_and_what_waits_is_not(post: Post) -> None:
    choose(post, "bob", Frequency.DAILY)
    post.say("alice", "hi", 0)
    post.close(100)
    post.make(100)
    month = windows.KEPT.total_seconds()
    for seconds, left in ((month + 99, 3), (month + 101, 1)):
        with post.cast.database.transaction() as session:
            windows.purge(session, at(seconds))
        assert column(post.cast.database, "SELECT count(*) FROM notifications") == [left]
    assert list(waiting(post)) == ["bob"]
