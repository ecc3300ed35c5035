"""Fair queues: what one app has waiting, however much, is never before the only thing of another."""

from collections.abc import Callable

import pytest
from support.cast import Cast
from support.sql import column, rows

from mailtalk import clock
from mailtalk.changes import apply
from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.notifications import due, windows
from mailtalk.outbound import queue
from mailtalk.outbound.domain_rates import SLOTS
from mailtalk.outbound.sending_settings import SendingSettings
from mailtalk.webhooks import fanout
from mailtalk.webhooks import queue as webhook_queue

MANY, ONE = "many", "one"
WAITING = {MANY: 100_000, ONE: 1}
PEOPLE = """
    WITH u AS (INSERT INTO users (app_id, id, name, emails)
        SELECT :app, 'u' || i, 'U', ARRAY['u' || i || '@d' || i % 9 || '.example'] FROM generate_series(1, :n) i
        RETURNING app_id, id)
    INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
    SELECT app_id, 'hello', id, true, 'ReadWrite', 'All', now() FROM u"""
CHANGES = """
    INSERT INTO changes (app_id, conversation_id, user_id, kind, requested_at)
    SELECT :app, 'hello', 'alice', 'leave', now() FROM generate_series(1, :n) i"""
CONVERSATIONS = """
    INSERT INTO conversations (app_id, id, custom, last_seq, window_opened_at, window_due_at, window_from_seq)
    SELECT :app, 'c' || i, '{}', 1, now(), now() - interval '1 hour', 1 FROM generate_series(1, :n) i"""
NOTIFICATIONS = """
    INSERT INTO notifications (app_id, conversation_id, user_id, from_seq, not_before, created_at)
    SELECT :app, 'hello', 'u' || i, 1, now() - interval '1 hour', now() FROM generate_series(1, :n) i"""
DELIVERIES = """
    INSERT INTO deliveries (app_id, id, kind, conversation_id, user_id, address, message_id, body_sealed, not_before,
        created_at)
    SELECT :app, gen_random_uuid(), 'rejection', 'hello', 'u' || i, 'u' || i || '@d' || i % 9 || '.example', i, '',
        now() - interval '1 hour', now() FROM generate_series(1, :n) i"""
EVENTS = """
    INSERT INTO events (app_id, type, conversation_id, data, created_at)
    SELECT :app, 'message.sent', 'c' || i, '{}', now() FROM generate_series(1, :n) i"""
LANES = """
    INSERT INTO webhook_lanes (app_id, webhook_id, lane, pending, not_before)
    SELECT :app, 'hook' || i % 50, 'c/' || i, 1, now() - interval '1 hour' FROM generate_series(1, :n) i"""
HOOKS = """
    INSERT INTO webhooks (app_id, id, url, secret_sealed, secret_since, created_at)
    SELECT :app, 'hook' || i, 'https://hooks.example', '', now(), now() FROM generate_series(0, :n) i"""
Crowd = Callable[..., None]


@pytest.fixture
def crowd(database: Database, keyring: Keyring) -> Crowd:
    """Two apps; `crowd(statement, …)` fills each with as much as it has waiting, the large one first."""
    for name in WAITING:
        Cast.introduce(database, keyring, name)

    def fill(*statements: str) -> None:
        for app_id, number in WAITING.items():
            for statement in statements:
                rows(database, statement, app=app_id, n=number)
        rows(database, "ANALYZE")

    return fill


def test_changes(database: Database, crowd: Crowd) -> None:
    crowd(CHANGES)
    with database.transaction() as session:
        ended = {change.id for change in apply.apply(session, clock.now()) or ()}
    assert set(column(database, "SELECT id FROM changes WHERE app_id = 'one'")) <= ended
    assert len(ended) == apply.BATCH


def test_changes_of_many_conversations(database: Database, crowd: Crowd) -> None:
    crowd(CONVERSATIONS, CHANGES.replace("'hello'", "'c' || i"))
    with database.transaction() as session:
        ended = {change.id for change in apply.apply(session, clock.now()) or ()}
    assert set(column(database, "SELECT id FROM changes WHERE app_id = 'one'")) <= ended
    assert len(ended) == apply.CONVERSATIONS


def test_windows(database: Database, crowd: Crowd) -> None:
    crowd(CONVERSATIONS)
    with database.transaction() as session:
        assert windows.close_windows(session, clock.now()) == windows.WINDOWS // 2 + 1
    assert not column(database, "SELECT 1 FROM conversations WHERE app_id = 'one' AND window_due_at IS NOT NULL")


def test_notifications(database: Database, crowd: Crowd) -> None:
    crowd(PEOPLE, NOTIFICATIONS)
    with database.transaction() as session:
        claimed = [each.recipient.app_id for each in due.claim(session, clock.now())]
    assert (claimed.count(MANY), claimed.count(ONE)) == (due.BATCH // 2, 1)


def test_deliveries(database: Database, crowd: Crowd) -> None:
    crowd(DELIVERIES)
    with database.transaction() as session:
        claimed = [delivery.app_id for delivery in queue.claim(session, clock.now(), 1, 100)]
    assert (claimed.count(MANY), claimed.count(ONE)) == (50, 1)


def test_deliveries_at_the_pace_of_their_domain(database: Database, crowd: Crowd) -> None:
    crowd(DELIVERIES)
    with database.transaction() as session:
        queue.claim(session, clock.now(), 1, 100, SendingSettings(per_minute=1))
    slots = rows(database, "SELECT app_id, count(slot_at) AS number FROM deliveries GROUP BY app_id ORDER BY app_id")
    assert [tuple(row) for row in slots] == [(MANY, SLOTS // 2), (ONE, 1)]


def test_events(database: Database, crowd: Crowd) -> None:
    crowd(EVENTS)
    with database.transaction() as session:
        assert fanout.fan_out(session, clock.now()) == fanout.BATCH // 2 + 1
    assert not column(database, "SELECT 1 FROM events WHERE app_id = 'one' AND told_at IS NULL")


def test_webhooks(database: Database, crowd: Crowd) -> None:
    crowd(HOOKS, LANES)
    with database.transaction() as session:
        claimed = [claimed.app_id for claimed in webhook_queue.claim(session, clock.now(), 1, 4)]
    assert (claimed.count(MANY), claimed.count(ONE)) == (3, 1)
