"""Building mails: the statements and commits of a batch do not grow with its readers or conversations."""

from dataclasses import replace

import pytest
from support.cast import Cast
from support.outbox import SENDER, Post, at
from support.sql import column, rows, subscribe
from support.statements import counted

from mailtalk.conversations import conversations
from mailtalk.ids import ConversationKey
from mailtalk.keys import Keyring
from mailtalk.notifications import due
from mailtalk.notifications.builder import MailBuilder

CROWD = """
    WITH u AS (INSERT INTO users (app_id, id, name, emails)
        SELECT 'demo', format('u%s-%s', :n, i), 'U', ARRAY[format('u%s-%s@x.example', :n, i)]
        FROM generate_series(1, :n) i RETURNING app_id, id)
    INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
    SELECT app_id, 'hello', id, true, 'ReadWrite', 'All', now() FROM u"""


def build(post: Post) -> tuple[int, int]:
    """Build all that is due; gives statements and commits."""
    with counted(post.cast.database) as statements, post.cast.database.transaction() as session:
        MailBuilder(session, post.keyring, SENDER, at(100)).build()
    return statements.counts


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    cast.join("alice", "bob")
    subscribe(cast.database)
    return Post(cast, keyring)


def test_readers_of_one_conversation(post: Post) -> None:
    counts = set()
    for readers in (1, 10, 100):
        rows(post.cast.database, "UPDATE participations SET present = user_id = 'alice'")
        rows(post.cast.database, CROWD, n=readers)
        post.say("alice", "hi")
        post.close(50)
        counts.add(build(post))
        assert len(column(post.cast.database, "SELECT 1 FROM deliveries")) == readers
        rows(post.cast.database, "DELETE FROM deliveries")
    assert len(counts) == 1
    assert counts.pop()[1] == 1  # commit


def test_conversations_of_one_reader_each(post: Post) -> None:
    counts = set()
    for number in (1, 10, 100):
        for i in range(number):
            name = f"c{number}-{i}"
            with post.cast.database.transaction() as session:
                conversations.put(session, ConversationKey(post.cast.app_id, name), {"subject": name})
            here = replace(post, cast=replace(post.cast, conversation=name))
            rows(
                post.cast.database,
                """INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
                SELECT 'demo', :name, unnest(ARRAY['alice', 'bob']), true, 'ReadWrite', 'All', now()""",
                name=name,
            )
            here.say("alice", "hi")
        while post.close(50):
            pass
        counts.add(build(post))
        assert len(column(post.cast.database, "SELECT 1 FROM deliveries")) == number
        rows(post.cast.database, "DELETE FROM deliveries")
    assert len(counts) == 1


def test_a_claim_reads_few_pages_of_a_new_crowd(post: Post) -> None:
    """Autovacuum may not have looked at the tables yet: the plan must not depend on their statistics."""
    rows(post.cast.database, CROWD, n=5_000)
    post.say("alice", "hello")
    post.close(50)
    ((plan,),) = rows(
        post.cast.database, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {due.CLAIM.text}", now=at(100), limit=200
    )
    assert plan[0]["Plan"]["Actual Rows"] == 200
    assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 200 * 20
