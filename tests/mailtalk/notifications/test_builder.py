"""Letters: what is mailed to whom, decided when the mail is made."""

import pytest
from support.cast import Cast
from support.outbox import DOMAIN, SENDER, Post, at, text
from support.sql import column, rows

from mailtalk.conversations import conversations, users
from mailtalk.keys import Keyring
from mailtalk.notifications.builder import MailBuilder
from mailtalk.participation import addresses
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, ChangeKind, Notify

REASONS = "SELECT user_id, reason FROM notifications WHERE status = 'cancelled' AND reason <> 'own-message'"


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    cast.join("alice", "bob")
    return Post(cast, keyring)


def test_the_messages_of_a_window_are_one_mail_that_reads_in_order(post: Post) -> None:
    post.say("alice", "one", 0)
    post.say("alice", "two", 10)
    assert post.mailed() == ["bob"]
    ((_, mail),) = post.mails()
    assert text(mail).index("one") < text(mail).index("two")
    assert (mail["To"], mail["Subject"]) == ("Bob\r\n <bob@example.com>", "Hello")
    assert mail["From"] == f"Alice via Demo\r\n <notify@{DOMAIN}>"


def test_the_notify_settings_select_the_readers(post: Post) -> None:
    post.cast.join("carol", notify=Notify.MENTIONS_ONLY)
    post.cast.join("dave", notify=Notify.OFF)
    post.say("alice", "hi")
    assert post.mailed() == ["bob"]
    post.say("bob", "<!!mention:carol|Carol> <!!mention:dave|Dave>", 2000)
    assert post.mailed(3000) == ["alice", "carol"]


def test_nobody_reads_their_own_words_but_as_what_is_answered(post: Post) -> None:
    post.say("alice", "from alice", 0)
    post.say("bob", "from bob", 1)
    assert post.mailed() == ["alice", "bob"]
    for user, mail in post.mails():
        own = [line for line in text(mail).splitlines() if f"from {user}" in line]
        assert own == (["You wrote · 3:04 AM: from alice"] if user == "alice" else [])


def test_each_address_gets_a_mail_of_its_own(post: Post) -> None:
    with post.cast.database.transaction() as session:
        users.put(session, post.cast.app_id, "bob", {"emails": ["b1@example.com", "b2@example.com", "b1@example.com"]})
    post.say("alice", "hi")
    post.mailed()
    mails = [mail for _, mail in post.mails()]
    assert [mail["To"].split()[-1] for mail in mails] == ["<b1@example.com>", "<b2@example.com>"]
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]
    assert mails[0]["Reply-To"] == mails[1]["Reply-To"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request(ChangeKind.LEAVE), "left"),
        (Request(ChangeKind.UPDATE, Access.NONE), "access-none"),
        (Request(ChangeKind.UPDATE, notify=Notify.OFF), "notify-off"),
        (Request(ChangeKind.UPDATE, notify=Notify.MENTIONS_ONLY), "not-mentioned"),
    ],
)
def test_what_counts_is_the_setting_in_force_when_the_mail_is_made(post: Post, request_: Request, reason: str) -> None:
    post.say("alice", "hi")
    post.close(100)
    post.cast.change("bob", request_)
    post.make(100)
    assert post.mails() == []
    assert rows(post.cast.database, REASONS) == [("bob", reason)]


def test_who_has_no_address_or_has_read_everything_is_not_mailed(post: Post) -> None:
    post.cast.join("carol")
    with post.cast.database.transaction() as session:
        users.put(session, post.cast.app_id, "carol", {"emails": None})
    post.say("alice", "hi")
    post.close(100)
    rows(post.cast.database, "UPDATE participations SET read_seq = 1 WHERE user_id = 'bob'")
    post.make(100)
    assert sorted(rows(post.cast.database, REASONS)) == [("bob", "already-read"), ("carol", "no-address")]


def test_nothing_is_mailed_twice_and_nothing_left_out(post: Post) -> None:
    post.say("alice", "one", 0)
    post.close(100)
    post.say("alice", "two", 110)
    post.make(110)  # takes both
    assert post.mailed(300) == []
    post.say("alice", "three", 400)
    assert post.mailed(1000) == ["bob"]
    first, second = (text(mail) for _, mail in post.mails())
    assert "one" in first
    assert "two" in first
    assert "three" in second
    assert "two" not in second


def test_reply_to_is_the_readers_own_live_address(post: Post) -> None:
    post.say("alice", "hi")
    post.mailed()
    mail = post.mails()[0][1]
    with post.cast.database.transaction() as session:
        bob = conversations.participant(session, post.cast.participant("bob"))
        bearer = addresses.find(session, post.keyring, mail["Reply-To"].partition("@")[0])
        assert bearer is not None
        assert (bearer.user_id, bearer.participation_id, bearer.generation) == ("bob", bob.id, bob.generation)
    assert mail["Reply-To"].endswith(f"@{DOMAIN}")
    assert mail["Reply-To"] not in mail["List-Unsubscribe"]


def test_who_may_only_read_gets_no_reply_to(post: Post) -> None:
    post.cast.change("bob", Request(ChangeKind.UPDATE, Access.READ))
    post.say("alice", "hi")
    assert post.mailed() == ["bob"]
    mail = post.mails()[0][1]
    assert mail["Reply-To"] is None
    assert "mailto:" in mail["List-Unsubscribe"]


def test_mails_of_one_conversation_thread_at_their_reader(post: Post) -> None:
    for seconds in (0, 1000, 2000):
        post.say("alice", "hi", seconds)
        post.mailed(seconds + 500)
    first, second, third = (mail for _, mail in post.mails())
    root = first["References"]
    assert first["In-Reply-To"] == root
    assert second["References"].split() == [root, first["Message-ID"]]
    assert third["In-Reply-To"] == second["Message-ID"]
    assert {mail["List-Id"] for mail in (first, second, third)} == {first["List-Id"]}


def test_the_bytes_are_frozen_and_sealed(post: Post) -> None:
    post.say("alice", "so secret a text")
    post.mailed()
    (sealed,) = column(post.cast.database, "SELECT body_sealed FROM deliveries")
    assert b"so secret" not in sealed
    assert post.mails()[0][1]["Message-ID"] == column(post.cast.database, "SELECT message_id FROM deliveries")[0]


def test_two_makers_at_once_make_one_mail(post: Post) -> None:
    post.say("alice", "hi")
    post.close(100)
    with post.cast.database.transaction() as session:
        assert MailBuilder(session, post.keyring, SENDER, at(100)).build() == 1
        assert post.make(100) == 0
    assert len(post.mails()) == 1


def test_a_mail_that_cannot_be_made_keeps_no_other_from_being_made(post: Post) -> None:
    post.cast.join("carol")
    rows(post.cast.database, "UPDATE users SET emails = ARRAY['ä@example.com'] WHERE id = 'bob'")
    post.say("alice", "hi")
    assert post.mailed() == ["carol"]
    assert rows(post.cast.database, REASONS) == [("bob", "error: UnicodeEncodeError")]


def test_a_notification_that_cannot_be_settled_keeps_no_other_from_being_made(post: Post) -> None:
    """A setting that this version does not know, such as one of a newer worker's."""
    post.cast.join("carol")
    rows(post.cast.database, "UPDATE participations SET chosen = ARRAY['unknown'] WHERE user_id = 'bob'")
    post.say("alice", "hi")
    assert post.mailed() == ["carol"]
    assert rows(post.cast.database, REASONS) == [("bob", "error: ValueError")]


def test_a_conversation_without_a_subject_is_named_after_the_app(post: Post) -> None:
    rows(post.cast.database, "UPDATE conversations SET subject = NULL")
    post.say("alice", "hi")
    post.mailed()
    assert post.mails()[0][1]["Subject"] == "New messages in Demo"


def test_a_mention_reads_as_a_name(post: Post) -> None:
    post.say("alice", "<!!mention:bob|Bob> look")
    post.mailed()
    assert "\n@Bob look\n" in text(post.mails()[0][1])
