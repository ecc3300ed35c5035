"""What operators see of the queues: each item from its arrival to its end, rates, workers, and relays in trouble."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.outbox import Post, at
from support.sql import column, rows
from support.statements import counted
from support.waiting import until

from mailtalk import clock
from mailtalk.db.database import Database
from mailtalk.outbound.circuit_breaker import CircuitState
from mailtalk.outbound.relay import Relays
from mailtalk.participation.rules import Request
from mailtalk.support import queues
from mailtalk.support.queues import QueueStatus, Rate
from mailtalk.vocabulary import ChangeKind, QueueName
from worker import heartbeat as heartbeat_module
from worker.heartbeat import Heartbeat

DONE = {  # many rows of each table that are done
    "changes": """INSERT INTO changes (app_id, conversation_id, user_id, kind, status, requested_at, applied_at)
        SELECT 'demo', 'hello', 'bob', 'join', 'applied', at, at FROM past""",
    "inbound_mails": """INSERT INTO inbound_mails (app_id, purpose, outcome, received_at, processed_at)
        SELECT 'demo', 'reply', 'ignored', at, at FROM past""",
    "notifications": """INSERT INTO notifications (app_id, conversation_id, user_id, status, from_seq, not_before,
            created_at, ended_at)
        SELECT 'demo', 'hello', 'bob', 'made', 1, at, at, at FROM past""",
    "deliveries": """INSERT INTO deliveries (app_id, id, conversation_id, user_id, address, message_id, body_sealed,
            stage, not_before, created_at, ended_at)
        SELECT 'demo', gen_random_uuid(), 'hello', 'bob', 'bob@example.com', '', '', 'sent', at, at, at FROM past""",
    "events": """INSERT INTO events (app_id, type, data, created_at, told_at)
        SELECT 'demo', 'webhook.test', '{}', at, at FROM past""",
    "webhook_deliveries": """INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, stage, created_at,
            ended_at)
        SELECT 'demo', 'test', 1, 'e/1', 'sent', at, at FROM past""",
}


def status(database: Database, name: QueueName, now: datetime) -> QueueStatus:
    with database.transaction() as session:
        return next(queue for queue in queues.read(session, now).queues if queue.name is name)


def test_all_queues_are_empty_at_first(cast: Cast) -> None:
    with cast.database.transaction() as session:
        system = queues.read(session, clock.now())
    assert [queue.name for queue in system.queues] == list(QueueName)
    assert {(queue.depth, queue.due, queue.more, queue.age, queue.oldest) for queue in system.queues} == {
        (0, 0, False, timedelta(0), None)
    }
    assert system.workers == []


def test_a_change_waits_until_it_is_applied(cast: Cast) -> None:
    change_id = cast.accept("bob", Request(ChangeKind.JOIN))
    now = clock.now() + timedelta(seconds=30)
    queue = status(cast.database, QueueName.CHANGES, now)
    assert (queue.depth, queue.due, queue.arrived) == (1, 1, Rate(1 / 60, 1 / 3600))
    assert queue.oldest is not None
    assert (queue.oldest.id, queue.oldest.conversation_id, queue.oldest.user_id) == (f"chg_{change_id}", "hello", "bob")
    assert timedelta(seconds=29) < queue.age < timedelta(seconds=60)
    assert queue.done == Rate(0, 0)
    cast.apply()
    queue = status(cast.database, QueueName.CHANGES, now)
    assert (queue.depth, queue.oldest, queue.done) == (0, None, Rate(1 / 60, 1 / 3600))


def test_a_change_after_an_error_says_so_and_is_not_due(cast: Cast) -> None:
    cast.accept("bob", Request(ChangeKind.JOIN))
    rows(cast.database, "UPDATE changes SET attempts = 2, not_before = now() + interval '1 hour'")
    queue = status(cast.database, QueueName.CHANGES, clock.now())
    assert (queue.depth, queue.due, queue.oldest) == (1, 0, None)
    queue = status(cast.database, QueueName.CHANGES, clock.now() + timedelta(hours=2))
    assert queue.oldest is not None
    assert queue.oldest.note == "attempts: 2"


def test_a_message_goes_from_queue_to_queue(post: Post) -> None:
    post.say("alice", "two", 100)
    window = status(post.cast.database, QueueName.WINDOWS, at(140))
    assert (window.depth, window.due, window.age, window.arrived) == (1, 1, timedelta(seconds=10), None)
    post.close(140)
    waiting = status(post.cast.database, QueueName.NOTIFICATIONS, at(150))
    assert (waiting.depth, waiting.due, waiting.arrived) == (
        1,
        1,
        Rate(2 / 60, 4 / 3600),
    )  # Alice's too, with the reason
    assert waiting.done == Rate(1 / 60, 3 / 3600)
    post.make(160)
    deliveries = status(post.cast.database, QueueName.DELIVERIES, at(170))
    assert (deliveries.depth, deliveries.due, deliveries.arrived) == (2, 2, Rate(1 / 60, 2 / 3600))
    assert deliveries.oldest is not None
    assert (deliveries.oldest.user_id, deliveries.oldest.note, deliveries.age) == (
        "bob",
        "queued",
        timedelta(seconds=140),
    )


@pytest.mark.parametrize("stage", ["claimed", "sending", "deferred", "unknown"])
def test_a_delivery_that_is_not_sent_yet_counts(post: Post, stage: str) -> None:
    rows(post.cast.database, "UPDATE deliveries SET stage = :stage, reply = 'later'", stage=stage)
    queue = status(post.cast.database, QueueName.DELIVERIES, at(40))
    assert queue.oldest is not None
    assert (queue.depth, queue.oldest.note) == (1, f"{stage}: later")


def test_a_sent_delivery_is_counted_as_done(post: Post) -> None:
    rows(post.cast.database, "UPDATE deliveries SET stage = 'sent', ended_at = :now", now=at(100))
    assert status(post.cast.database, QueueName.DELIVERIES, at(130)).done == Rate(1 / 60, 1 / 3600)
    assert status(post.cast.database, QueueName.DELIVERIES, at(230)).done == Rate(0, 1 / 3600)


@pytest.mark.parametrize(
    ("purpose", "participation", "reason"),
    [("reply", True, None), ("bounce", False, None), ("reply", True, "dns-temperror")],
)
def test_an_inbound_mail_waits_whatever_it_is(
    cast: Cast, purpose: str, participation: bool, reason: str | None
) -> None:
    rows(
        cast.database,
        """INSERT INTO inbound_mails (app_id, participation_id, purpose, reason, received_at)
        VALUES ('demo', CASE WHEN :participation THEN gen_random_uuid() END, :purpose, :reason, :at)""",
        participation=participation,
        purpose=purpose,
        reason=reason,
        at=at(0),
    )
    queue = status(cast.database, QueueName.INBOUND, at(90))
    assert (queue.depth, queue.age, queue.arrived) == (1, timedelta(seconds=90), Rate(0, 1 / 3600))
    assert queue.oldest is not None
    assert queue.oldest.note == reason


def test_webhooks_wait_as_events_and_as_deliveries(post: Post) -> None:
    queue = status(post.cast.database, QueueName.WEBHOOKS, clock.now() + timedelta(days=2))
    assert queue.depth == len(column(post.cast.database, "SELECT id FROM events WHERE told_at IS NULL")) > 0
    rows(post.cast.database, "UPDATE events SET told_at = now()")
    rows(
        post.cast.database,
        """INSERT INTO webhook_deliveries (app_id, webhook_id, event_id, lane, reply, created_at)
        VALUES ('demo', 'test', 7, 'e/7', 'refused', now())""",
    )
    rows(
        post.cast.database,
        """INSERT INTO webhook_lanes (app_id, webhook_id, lane, pending, not_before)
        VALUES ('demo', 'test', 'e/7', 1, now())""",
    )
    resting = status(post.cast.database, QueueName.WEBHOOKS, clock.now())
    assert (resting.depth, resting.due) == (1, 0)
    queue = status(post.cast.database, QueueName.WEBHOOKS, clock.now() + timedelta(days=2))
    assert queue.oldest is not None
    assert (queue.oldest.id, queue.oldest.note) == ("evt_7", "test: refused")
    rows(post.cast.database, "UPDATE webhooks SET status = 'paused'")
    assert status(post.cast.database, QueueName.WEBHOOKS, clock.now() + timedelta(days=2)).due == 0


def test_a_deep_queue_says_that_there_are_more(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "MOST", 10)
    rows(
        cast.database,
        """INSERT INTO changes (app_id, conversation_id, user_id, kind, requested_at)
        SELECT 'demo', 'hello', 'bob', 'join', :start + i * interval '1 second' FROM generate_series(0, 99) i""",
        start=at(0),
    )
    queue = status(cast.database, QueueName.CHANGES, at(100))
    assert (queue.depth, queue.more) == (10, True)
    assert queue.arrived == Rate(1, 1)  # the last ten arrived within ten seconds


def test_one_statement_for_each_queue(cast: Cast) -> None:
    with counted(cast.database) as statements, cast.database.transaction() as session:
        queues.read(session, clock.now())
    assert len(statements.texts) == len(QueueName) + 1  # and the workers


def test_done_rows_cost_nothing(cast: Cast) -> None:
    """However many rows are done, no table is read from its beginning to its end."""
    past = "WITH past AS (SELECT :now - i * interval '1 minute' AS at FROM generate_series(60, 20060) i)"
    for table, insert in DONE.items():
        rows(cast.database, f"{past} {insert}", now=clock.now())
        rows(cast.database, f"ANALYZE {table}")
    for name in QueueName:
        plan = explained(cast.database, name)
        assert [node for node in scans(plan) if node in DONE] == [], name
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 600, name  # 100,000 rows have thousands


def explained(database: Database, name: QueueName) -> dict[str, Any]:
    now = clock.now()
    values = {"now": now, "minute": now - queues.MINUTE, "hour": now - queues.HOUR, "most": 1_000}
    statement = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queues._STATEMENTS[name].text}")
    with database.engine.begin() as connection:
        plan: dict[str, Any] = connection.scalar(statement, values)[0]["Plan"]
    return plan


def scans(node: dict[str, Any]) -> Iterator[str]:
    """Tables that a plan reads wholly."""
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from scans(child)


def test_workers_are_shown_with_their_view_of_the_relays(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "BEAT", 0.1)
    relays = Relays("smtp://user:secret@first.example:25,smtp://second.example:587")
    first = relays._relays[0]
    first._paused(first.breaker.enter() or 0, note="the relay cannot be reached")
    heartbeat = Heartbeat(database, relays.status)
    heartbeat.start()
    (worker,) = until(lambda: [each for each in known(database) if each.relays])
    heartbeat.stop()
    assert worker.alive
    assert [(relay.name, relay.state, relay.reason) for relay in worker.relays] == [
        ("first.example:25", CircuitState.OPEN, "the relay cannot be reached"),
        ("second.example:587", CircuitState.CLOSED, None),
    ]
    assert "secret" not in str(worker.relays)


def test_a_worker_without_a_fresh_heartbeat_is_not_alive(database: Database) -> None:
    rows(
        database,
        """INSERT INTO workers (name, started_at, beat_at)
        VALUES ('here/1', now(), now() - interval '1 minute'), ('here/2', now(), now())""",
    )
    assert [(each.name, each.alive) for each in known(database)] == [("here/2", True), ("here/1", False)]


def known(database: Database) -> list[queues.WorkerStatus]:
    with database.transaction() as session:
        return queues.workers(session)
