"""The hourly cap: a user's mails beyond it wait, gather what comes meanwhile, and are never dropped."""

from dataclasses import replace

import pytest
from support.cast import Cast
from support.outbox import SENDER, Post, at
from support.sql import column, rows

from mailtalk.conversations import conversations
from mailtalk.ids import ConversationKey
from mailtalk.keys import Keyring
from mailtalk.notifications.builder import MailBuilder

CAPPED = replace(SENDER, mails_per_hour=3)


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    cast.join("alice", "bob")
    return Post(cast, keyring)


def build(post: Post, seconds: float) -> None:
    building = 1
    while building:
        with post.cast.database.transaction() as session:
            building = MailBuilder(session, post.keyring, CAPPED, at(seconds)).build()


def mailed(post: Post) -> list[int]:
    """Numbers of the messages in each of Bob's mails."""
    ranges = column(
        post.cast.database,
        "SELECT seqs FROM notifications WHERE status = 'made' AND user_id = 'bob' ORDER BY ended_at, id",
    )
    return [sum(part.upper - part.lower for part in seqs) for seqs in ranges]


def test_beyond_the_cap_messages_gather_into_one_mail_and_none_is_lost(post: Post) -> None:
    for i in range(10):
        post.say("alice", f"message {i}", i * 200)
        post.close(i * 200 + 199)
        build(post, i * 200 + 199)
    assert mailed(post) == [1, 1, 1]
    build(post, 199 + 3_599)
    assert mailed(post) == [1, 1, 1]
    build(post, 199 + 3_600)
    assert mailed(post) == [1, 1, 1, 7]
    assert column(post.cast.database, "SELECT count(*) FROM notifications WHERE status = 'open'") == [0]


def test_conversations_and_batches_share_one_users_cap_and_other_users_have_theirs(post: Post) -> None:
    for i in range(5):
        with post.cast.database.transaction() as session:
            conversations.put(session, ConversationKey(post.cast.app_id, f"c{i}"), {"subject": "S"})
        rows(
            post.cast.database,
            """INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
            SELECT 'demo', :name, unnest(ARRAY['alice', 'bob', :other]), true, 'ReadWrite', 'All', now()""",
            name=f"c{i}",
            other="carol" if i % 2 else "dave",
        )
        replace(post, cast=replace(post.cast, conversation=f"c{i}")).say("alice", "hi")
    post.close(150)
    build(post, 150)
    made = column(post.cast.database, "SELECT user_id FROM notifications WHERE status = 'made' ORDER BY user_id")
    assert made == ["bob"] * 3 + ["carol"] * 2 + ["dave"] * 3
    build(post, 150 + 3_600)
    assert mailed(post) == [1] * 5


def test_no_cap_means_no_cap(post: Post) -> None:
    for i in range(5):
        post.say("alice", "hi", i * 200)
        post.close(i * 200 + 199)
        post.make(i * 200 + 199)
    assert mailed(post) == [1] * 5
