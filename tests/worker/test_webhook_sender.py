"""Webhooks sent by a real worker: in order, past endpoints that hang, and through its own death."""

import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook
from support.cast import Cast
from support.servers import make_settings, sweeping, worker_process
from support.sql import column, rows
from support.waiting import until
from support.webhook_receiver import SECRET, ReceivedRequest, WebhookReceiver, subscribe, webhook_receiver

from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import EventType
from mailtalk.webhooks import backoff, http_client
from worker.server import WorkerServer

SHORT = (timedelta(milliseconds=100),) * 9


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return make_settings(database_url=database_url, redis_url=redis_url, webhook_allow_private="127.0.0.0/8")


@pytest.fixture
def sending(settings: Settings) -> Iterator[WorkerServer]:
    with sweeping(settings) as worker:
        yield worker


def happen(cast: Cast, *conversations: str) -> None:
    found = [Happened(cast.app_id, EventType.MESSAGE_SENT, {}, each) for each in conversations]
    with cast.database.transaction() as session:
        events.record_many(session, found)


def test_what_is_sent_is_signed_and_in_order(cast: Cast, keyring: Keyring, sending: WorkerServer) -> None:
    with webhook_receiver() as receiver:
        subscribe(cast, keyring, receiver.url)
        cast.join("alice", "bob")
        cast.say("alice", *(str(i) for i in range(10)))
        until(lambda: len(receiver.requests) == 12)
    for request in receiver.requests:
        assert Webhook(SECRET).verify(request.body, request.headers)["id"] == request.headers["webhook-id"]
    assert [each["sequence"] for each in receiver.events] == list(range(1, 13))
    assert [each["data"]["message"]["text"] for each in receiver.events[2:]] == [str(i) for i in range(10)]
    assert all(each.keys() >= {"id", "type", "createdAt", "data"} for each in receiver.events)


def test_a_retry_is_the_same_bytes_with_the_same_id_signed_anew(
    cast: Cast, keyring: Keyring, sending: WorkerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "WAITS", SHORT)
    with webhook_receiver() as receiver:
        receiver.answer = lambda _request: (500 if len(receiver.requests) < 3 else 200, {})
        subscribe(cast, keyring, receiver.url)
        happen(cast, "a")
        until(lambda: column(cast.database, "SELECT stage FROM webhook_deliveries") == ["sent"])
    first, *others = receiver.requests
    assert len(others) == 2
    for request in others:
        assert (request.body, request.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])
        assert request.headers["x-talkjs-timestamp"] != first.headers["x-talkjs-timestamp"]
        Webhook(SECRET).verify(request.body, request.headers)


@pytest.mark.parametrize("ordered", [False, True])
def test_an_event_that_is_never_answered_holds_its_conversation_back_for_three_attempts(
    cast: Cast, keyring: Keyring, sending: WorkerServer, monkeypatch: pytest.MonkeyPatch, *, ordered: bool
) -> None:
    monkeypatch.setattr(backoff, "WAITS", (*SHORT[:2], *(SHORT if ordered else backoff.WAITS)[2:]))
    monkeypatch.setattr(backoff, "SHORTEST_REST", SHORT[0])
    monkeypatch.setattr(http_client, "DEADLINE", 1.0)
    is_over = threading.Event()

    def answer(request: ReceivedRequest) -> tuple[int, dict[str, str]]:
        if request.event["sequence"] == 1:
            is_over.wait(60)
        return 200, {}

    with webhook_receiver() as receiver:
        receiver.answer = answer
        subscribe(cast, keyring, receiver.url, ordered=ordered)
        happen(cast, "a", "a", "a")
        until(lambda: len(receiver.requests) >= 5 and (ordered or 3 in sequences_of(receiver, "a")))
        sequences = sequences_of(receiver, "a")
        is_over.set()
    assert sequences[:4] == [1, 1, 1, 1 if ordered else 2]


def test_a_file_that_came_by_mail_is_a_link_the_same_at_every_try(
    cast: Cast, keyring: Keyring, sending: WorkerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "WAITS", SHORT)
    file = {"fileId": "0" * 32, "name": "a.pdf", "type": "application/pdf", "size": 7}
    said = {"message": {"text": "", "attachment": file}, "messages": [{"text": "", "attachment": None}]}
    with webhook_receiver() as receiver:
        receiver.answer = lambda _request: (500 if len(receiver.requests) < 2 else 200, {})
        subscribe(cast, keyring, receiver.url)
        with cast.database.transaction() as session:
            events.record_many(session, [Happened(cast.app_id, EventType.MESSAGE_SENT, said, "a")])
        until(lambda: len(receiver.requests) == 2)
    first, again = receiver.requests
    assert first.body == again.body
    shown = first.event["data"]["message"]["attachment"]
    assert (shown.keys(), shown["size"], "signature=" in shown["url"]) == ({"url", "size"}, 7, True)
    assert first.event["data"]["messages"][0]["attachment"] is None


def test_endpoints_that_hang_hold_up_no_other(cast: Cast, keyring: Keyring, sending: WorkerServer) -> None:
    hanging = threading.Event()

    def hang(_request: ReceivedRequest) -> tuple[int, dict[str, str]]:
        hanging.wait(60)
        return 200, {}

    with webhook_receiver() as slow, webhook_receiver() as quick:
        slow.answer = hang
        for i in range(3):
            subscribe(cast, keyring, slow.url, name=f"slow{i}")
        happen(cast, *(f"c{i}" for i in range(30)))
        until(lambda: len(slow.requests) >= 3)
        subscribe(cast, keyring, quick.url, name="quick")
        happen(cast, *(f"d{i}" for i in range(30)))
        until(lambda: len(quick.requests) == 30)
        assert not column(
            cast.database, "SELECT id FROM webhook_deliveries WHERE webhook_id <> 'quick' AND status = 200"
        )
        hanging.set()


def test_it_goes_on_after_the_database_was_away_for_a_moment(
    cast: Cast, keyring: Keyring, sending: WorkerServer
) -> None:
    with webhook_receiver() as receiver:

        def cut(_request: ReceivedRequest) -> tuple[int, dict[str, str]]:
            if len(receiver.requests) == 2:
                rows(
                    cast.database,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
            return 200, {}

        receiver.answer = cut
        subscribe(cast, keyring, receiver.url)
        happen(cast, *"aaaaa")
        until(lambda: 5 in sequences_of(receiver, "a"))
        until(lambda: column(cast.database, "SELECT DISTINCT stage FROM webhook_deliveries") == ["sent"])
    assert list(dict.fromkeys(each["sequence"] for each in receiver.events)) == [1, 2, 3, 4, 5]


def sequences_of(receiver: WebhookReceiver, conversation: str) -> list[int]:
    return [each["sequence"] for each in receiver.events if each["conversationId"] == conversation]


@pytest.mark.long  # tests/force/test_chaos.py kills workers too
@pytest.mark.timeout(240)
def test_a_worker_that_is_killed_loses_nothing_and_keeps_the_order(
    cast: Cast, keyring: Keyring, settings: Settings, tmp_path: Path
) -> None:
    pause = threading.Event()
    conversations = [f"c{i % 8}" for i in range(400)]

    def slowly(_request: ReceivedRequest) -> tuple[int, dict[str, str]]:
        pause.wait(0.005)
        return 200, {}

    with webhook_receiver() as receiver:
        receiver.answer = slowly
        subscribe(cast, keyring, receiver.url)
        happen(cast, *conversations)
        for least in (60, 160):
            with worker_process(settings, tmp_path) as worker:
                until(lambda least=least: len(receiver.requests) >= least, 90)
                worker.send_signal(signal.SIGKILL)
        with worker_process(settings, tmp_path):
            until(lambda: column(cast.database, "SELECT DISTINCT stage FROM webhook_deliveries") == ["sent"], 90)
            until(lambda: column(cast.database, "SELECT count(*) FROM webhook_lanes") == [0])
    for each in set(conversations):
        sequences = sequences_of(receiver, each)
        assert list(dict.fromkeys(sequences)) == list(range(1, 51))  # all, and in order
        assert sequences == sorted(sequences)  # what was repeated is the one that was in hand
    assert len(receiver.requests) <= 400 + 2 * 8
