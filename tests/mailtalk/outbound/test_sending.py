"""Sending: a living worker sends what is due over a real relay, and each end is recorded."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from support.cast import Cast
from support.outbox import Post, at
from support.smtp_sink import HANG, HANG_UP, Sink, sinking
from support.sql import column, heal, raise_for, rows, until_blocked
from support.waiting import until

from mailtalk import clock
from mailtalk.keys import Keyring
from mailtalk.outbound import connection_limit, queue, verp
from mailtalk.outbound.deliveries import ClaimedDelivery
from mailtalk.outbound.relay import Relays
from mailtalk.settings.load import Settings
from worker.server import WorkerServer

STAGES = "SELECT stage FROM deliveries"


@pytest.fixture
def post(cast: Cast, keyring: Keyring) -> Post:
    """One mail to Bob is queued."""
    cast.join("alice", "bob")
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed(30) == ["bob"]
    return post


def claim(cast: Cast, seconds: float = 30, worker_id: int = 1) -> list[ClaimedDelivery]:
    with cast.database.transaction() as session:
        return queue.claim(session, at(seconds), worker_id, 10)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        yield sink


@pytest.fixture
def sender(settings: Settings, sink: Sink, post: Post) -> Iterator[WorkerServer]:
    """A worker that lives, and looks only when the test says so."""
    worker = WorkerServer(settings.model_copy(update={"relay_url": SecretStr(sink.url)}))
    worker._heartbeat.start()
    until(lambda: worker._heartbeat.id)
    rows(post.cast.database, "UPDATE deliveries SET created_at = now()")
    yield worker
    worker.jobs.close()
    worker._heartbeat.stop()
    worker._bell.close()
    worker.celery.close()
    worker._database.close()


def deliver(worker: WorkerServer) -> None:
    worker.jobs.deliver()
    worker.jobs.mail_sender.wait()


def now_due(post: Post) -> None:
    rows(post.cast.database, "UPDATE deliveries SET not_before = :now", now=clock.now())


@pytest.mark.parametrize(("answer", "sure"), [("451 later", True), ("what?", False), (HANG_UP, False)])
def test_every_retry_is_byte_equal(post: Post, sink: Sink, sender: WorkerServer, answer: str, sure: bool) -> None:
    sink.will(".", answer)
    deliver(sender)
    assert column(post.cast.database, STAGES) == ["deferred" if sure else "unknown"]
    now_due(post)
    deliver(sender)
    assert column(post.cast.database, STAGES) == ["sent"]
    assert len(set(sink.mails)) == 1
    assert sink.mails[0].count(b"Message-ID: ") == 1


def test_a_refused_mail_is_recorded_with_the_reply_and_not_sent_again(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    sink.will("RCPT", "550 5.1.1 nobody")
    deliver(sender)
    now_due(post)
    deliver(sender)
    assert tuple(rows(post.cast.database, "SELECT stage, reply FROM deliveries")[0]) == ("failed", "550 5.1.1 nobody")
    assert sink.mails == []


def test_who_lost_the_claim_sends_no_dot(post: Post, sink: Sink, sender: WorkerServer) -> None:
    claimed = claim(post.cast, worker_id=sender._heartbeat.id or 0)[0]
    rows(post.cast.database, "UPDATE deliveries SET claim = gen_random_uuid()")
    sender.jobs.mail_sender._run(sender.jobs.mail_sender._deliver(claimed))
    sender.jobs.mail_sender._run(sender.jobs.mail_sender._steps.close())
    assert sink.mails == []
    assert column(post.cast.database, STAGES) == ["claimed"]


def test_a_mail_whose_end_could_not_be_recorded_is_recorded_at_the_next_look(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    raise_for(post.cast.database, "deliveries", "NEW.stage = 'sent'")
    deliver(sender)
    assert column(post.cast.database, STAGES) == ["sending"]
    heal(post.cast.database, "deliveries")
    deliver(sender)
    assert column(post.cast.database, STAGES) == ["sent"]
    assert len(sink.mails) == 1


@pytest.mark.parametrize("by_another", [False, True])
def test_a_worker_that_lost_the_database_records_what_it_sent_and_sends_nothing_twice(
    post: Post, sink: Sink, sender: WorkerServer, by_another: bool
) -> None:
    raise_for(post.cast.database, "deliveries", "NEW.stage = 'sent'")
    deliver(sender)
    before = sender._heartbeat.id
    rows(
        post.cast.database,
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid)
        WHERE locktype = 'advisory' AND datname = current_database()""",
    )
    until(lambda: sender._heartbeat.id not in {None, before})
    heal(post.cast.database, "deliveries")
    if by_another:
        with post.cast.database.transaction() as session:
            assert queue.recover(session, clock.now()) == 1
    sender.jobs.recover()
    deliver(sender)
    found = rows(post.cast.database, "SELECT stage, unknowns FROM deliveries")[0]
    assert (*found, len(sink.mails)) == ("sent", int(by_another), 1)


def test_what_could_not_be_recorded_is_tried_once_more_at_the_end(post: Post, sink: Sink, sender: WorkerServer) -> None:
    raise_for(post.cast.database, "deliveries", "NEW.stage = 'sent'")
    deliver(sender)
    heal(post.cast.database, "deliveries")
    sender.jobs.mail_sender._run(sender.jobs.mail_sender._close())
    assert column(post.cast.database, STAGES) == ["sent"]


def test_what_is_claimed_during_the_end_is_not_sent(post: Post, sink: Sink, sender: WorkerServer) -> None:
    mail_sender = sender.jobs.mail_sender
    with ThreadPoolExecutor(1) as pool:
        with post.cast.database.transaction() as session:
            session.execute(text("LOCK TABLE deliveries IN EXCLUSIVE MODE"))
            looking = pool.submit(mail_sender.look)
            until_blocked(post.cast.database)
            mail_sender._run(mail_sender._close())
        looking.result(20)
    mail_sender._run(mail_sender._close())
    assert column(post.cast.database, STAGES) == ["claimed"]
    assert sink.sessions == 0


def test_a_claimed_mail_without_a_task_is_sent_at_the_next_look(post: Post, sink: Sink, sender: WorkerServer) -> None:
    mail_sender = sender.jobs.mail_sender
    mail_sender._waiting.extend(claim(post.cast, worker_id=sender._heartbeat.id or 0))
    mail_sender._claimed.add(1)
    mail_sender._most = 1  # there is room for no other
    mail_sender.look()
    until(lambda: column(post.cast.database, STAGES) == ["sent"])


def test_a_mail_claimed_while_the_last_task_ends_gets_a_task(post: Post, sink: Sink, sender: WorkerServer) -> None:
    mail_sender = sender.jobs.mail_sender
    mail_sender._connections = 1
    claimed = claim(post.cast, worker_id=sender._heartbeat.id or 0)

    def fill(_ended: object) -> None:
        mail_sender._waiting.extend(claimed)
        mail_sender._claimed.add(1)
        mail_sender._start()

    async def end() -> None:
        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(fill)
        task.add_done_callback(mail_sender._sending.discard)
        mail_sender._sending.add(task)

    mail_sender._run(end())
    until(lambda: column(post.cast.database, STAGES) == ["sent"])


def test_a_zero_byte_in_a_reply_does_not_keep_it_from_being_recorded(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    sink.will("RCPT", "451 4.3.0 la\0ter")
    deliver(sender)
    found = rows(post.cast.database, "SELECT stage, reply FROM deliveries")[0]
    assert tuple(found) == ("deferred", "451 4.3.0 later")


def test_a_mail_that_one_relay_refuses_at_the_dot_is_taken_by_the_next(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    sink.will(".", "421 4.3.2 busy")
    with sinking() as second:
        sender.jobs.mail_sender._relays = Relays(f"{sink.url},{second.url}")
        deliver(sender)
    assert (len(second.mails), sink.mails) == (1, [])
    found = rows(post.cast.database, "SELECT stage, attempts FROM deliveries")[0]
    assert tuple(found) == ("sent", 1)


def test_without_a_life_nothing_is_claimed(post: Post, sink: Sink, sender: WorkerServer) -> None:
    sender._heartbeat.stop()
    deliver(sender)
    assert column(post.cast.database, STAGES) == ["queued"]
    assert sink.mails == []


def test_bytes_that_cannot_be_opened_fail_and_keep_no_other_waiting(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    post.say("bob", "hi", 40)
    post.close(80)
    assert post.make(80) == 1
    changed = "UPDATE deliveries SET body_sealed = overlay(body_sealed PLACING 'junk' FROM 20) WHERE user_id = 'bob'"
    rows(post.cast.database, changed)
    rows(post.cast.database, "UPDATE deliveries SET created_at = now()")
    deliver(sender)
    assert sorted(column(post.cast.database, STAGES)) == ["failed", "sent"]
    assert sink.recipients == ["alice@example.com"]


def test_a_mail_whose_key_is_missing_waits_for_it_and_is_never_given_up(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    rows(post.cast.database, "UPDATE deliveries SET created_at = now() - interval '1 year'")
    sender.jobs.mail_sender._keyring = Keyring.from_setting("n" * 32)
    for _ in range(2):
        deliver(sender)
        found = rows(post.cast.database, "SELECT stage, attempts, reply FROM deliveries")[0]
        assert tuple(found[:2]) == ("deferred", 0)
        assert f"sealed with key {post.keyring.current.id:08x}" in found.reply
        now_due(post)
    sender.jobs.mail_sender._keyring = Keyring.from_setting(f"{'n' * 32},{'k' * 32}")
    deliver(sender)
    assert column(post.cast.database, STAGES) == ["sent"]


def test_without_a_relay_mails_are_captured(post: Post, worker: WorkerServer) -> None:
    until(lambda: column(post.cast.database, STAGES) == ["captured"])


def test_what_fails_comes_back_to_the_delivery_and_of_a_notice_to_nobody(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    (delivery_id,) = column(post.cast.database, "SELECT id FROM deliveries")
    sink.extensions = ("DSN",)
    deliver(sender)
    local, _, domain = sink.senders[0].partition("@")
    assert (verp.delivery(post.keyring, local), domain) == (delivery_id, "reply.localhost")
    assert f"ENVID={delivery_id}" in sink.options
    rows(post.cast.database, "UPDATE deliveries SET kind = 'rejection', stage = 'queued'")
    now_due(post)
    deliver(sender)
    assert sink.senders[1:] == ["<>"]


def test_while_the_relay_is_left_alone_nothing_is_claimed_and_no_attempt_counted(
    post: Post, sink: Sink, sender: WorkerServer
) -> None:
    sink.will("CONNECT", HANG_UP)
    deliver(sender)
    now_due(post)
    deliver(sender)
    assert [tuple(row) for row in rows(post.cast.database, "SELECT stage, attempts FROM deliveries")] == [("queued", 0)]
    assert sink.sessions == 1
    assert sender.jobs.mail_sender.paused


@pytest.mark.parametrize("connections", [8, 1])
def test_a_mail_that_hangs_keeps_no_other_waiting(
    post: Post, sink: Sink, sender: WorkerServer, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limit, "SLOW", 0.1)
    mail_sender = sender.jobs.mail_sender
    mail_sender._relays, mail_sender._connections = Relays(sink.url, connections=connections), connections
    post.say("bob", "hi", 40)
    post.close(80)
    assert post.make(80) == 1
    rows(post.cast.database, "UPDATE deliveries SET created_at = now()")
    sink.will(".", HANG)
    sender.jobs.deliver()
    until(lambda: len(sink.mails) == 2)
    until(lambda: column(post.cast.database, STAGES + " WHERE stage = 'sent'") == ["sent"])
    assert column(post.cast.database, STAGES + " WHERE stage <> 'sent'") == ["sending"]
    for transport in sink.transports:
        sink.stop(transport)
    sender.jobs.mail_sender.wait()
    assert sorted(column(post.cast.database, STAGES)) == ["sent", "unknown"]
