"""A relay that fails in every way at every verb: nothing is lost, and each mail ends where its answer leads."""

from collections import defaultdict
from collections.abc import Iterator
from email import message_from_bytes

import pytest
from pydantic import SecretStr
from support.cast import Cast
from support.outbox import Post
from support.smtp_sink import HANG, HANG_UP, RESET, Sink, sinking
from support.sql import column, rows, subscribe
from support.waiting import until

from mailtalk.keys import Keyring
from mailtalk.outbound import circuit_breaker
from mailtalk.outbound.relay import Relays
from mailtalk.outbound.smtp_connection import Timeouts
from mailtalk.settings.load import Settings
from worker.server import WorkerServer

PEOPLE = 40
FOR_NOW = ["421 4.3.2 busy", "451 4.3.0 later", "452 4.2.2 full", "552 5.2.2 full", HANG, HANG_UP, RESET, "what?"]
FOR_GOOD = ["550 5.1.1 nobody", "554 5.7.1 spam"]
VERBS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        sink.extensions = ("PIPELINING",)
        yield sink


@pytest.fixture
def worker(settings: Settings, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerServer]:
    """A worker that looks when the test says so, and waits for nothing for long."""
    monkeypatch.setattr(circuit_breaker, "FIRST", 0.0)
    monkeypatch.setattr(circuit_breaker, "LONGEST", 0.0)
    worker = WorkerServer(settings.model_copy(update={"relay_url": SecretStr(sink.url), "relay_connections": 4}))
    worker.jobs.mail_sender._relays = Relays(sink.url, Timeouts(0.3, 0.3, 0.3, 0.3), 4)
    worker._heartbeat.start()
    until(lambda: worker._heartbeat.id)
    yield worker
    worker.jobs.close()
    worker._heartbeat.stop()
    worker._readers.close()
    worker._bell.close()
    worker.celery.close()
    worker._database.close()


def test_each_mail_ends_where_its_answers_lead(cast: Cast, keyring: Keyring, sink: Sink, worker: WorkerServer) -> None:
    cast.join("alice")
    subscribe(cast.database)
    rows(
        cast.database,
        """WITH u AS (INSERT INTO users (app_id, id, name, emails)
            SELECT 'demo', 'u' || i, 'U', ARRAY['u' || i || '@x.example'] FROM generate_series(1, :n) i
            RETURNING app_id, id)
        INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
            SELECT app_id, 'hello', id, true, 'ReadWrite', 'All', now() FROM u""",
        n=PEOPLE,
    )
    for verb in VERBS:
        sink.will(verb, *FOR_NOW)
    for verb in ("RCPT", "."):
        sink.will(verb, *FOR_GOOD)
    post = Post(cast, keyring)
    post.say("alice", "hello everybody")
    assert len(post.mailed(30)) == PEOPLE
    rows(cast.database, "UPDATE deliveries SET created_at = now()")

    def all_ended() -> bool:
        rows(
            cast.database,
            "UPDATE deliveries SET not_before = now() - interval '1 ms' "
            "WHERE stage IN ('queued', 'deferred', 'unknown')",
        )
        worker.jobs.deliver()
        worker.jobs.mail_sender.wait()
        return set(column(cast.database, "SELECT DISTINCT stage FROM deliveries")) <= {"sent", "failed"}

    until(all_ended)
    copies = defaultdict(set)
    for mail in sink.mails:
        copies[message_from_bytes(mail)["Message-ID"]].add(mail)
    found = rows(cast.database, "SELECT message_id, stage, reply, unknowns FROM deliveries")
    assert {row.message_id for row in found if row.stage == "sent"} <= set(copies)
    assert all(len(each) == 1 for each in copies.values())
    assert sorted(row.reply for row in found if row.stage == "failed") == sorted(FOR_GOOD * 2)
    assert len(sink.mails) <= PEOPLE + sum(row.unknowns for row in found)
    assert sum(row.unknowns for row in found) == 4  # hung, hung up, reset, and nonsense, each after the dot
    known = rows(cast.database, "SELECT reason, count(*) FROM suppressions GROUP BY reason ORDER BY reason")
    assert [tuple(row) for row in known] == [("dead", 2), ("failing", 2)]
    sent = column(cast.database, "SELECT data->>'recipient' FROM events WHERE type = 'notification.sent'")
    assert len(sent) == PEOPLE - 4
