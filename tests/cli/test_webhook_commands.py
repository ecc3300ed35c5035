"""`mailtalk webhooks`, `channels` and `notifications tail`, against real tables and a worker."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cast import Cast
from support.command_line import MAILTALK, Command, command, environment
from support.servers import make_settings, sweeping
from support.sql import column
from support.waiting import until
from support.webhook_receiver import ReceivedRequest, webhook_receiver

from mailtalk import clock
from mailtalk.events import record as events
from mailtalk.events.record import Happened
from mailtalk.vocabulary import EventType
from mailtalk.webhooks import channels, endpoints
from worker.server import WorkerServer

APP = ("--app", "demo")
PRIVATE = {"MAILTALK_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8"}
ALICE, BOB = ({"id": name.lower(), "name": name, "email": None, "phone": None} for name in ("Alice", "Bob"))
TRIGGERED = {
    "notificationId": "ntf_1",
    "recipient": BOB | {"phone": ["+15551234567"]},
    "sender": ALICE,
    "conversation": {"id": "hello", "subject": "Hello"},
    "messages": [{"text": "Lunch,\n<!!mention:bob|Bob>?"}, {"text": "At noon."}],
}


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path, cast: Cast) -> Command:
    return command(database_url, tmp_path)


@pytest.fixture
def telling(database_url: str, redis_url: str) -> Iterator[WorkerServer]:
    settings = make_settings(database_url=database_url, redis_url=redis_url, webhook_allow_private="127.0.0.0/8")
    with sweeping(settings) as worker:
        yield worker


def trigger(cast: Cast, **changes: object) -> None:
    with cast.database.transaction() as session:
        kind = EventType.NOTIFICATION_TRIGGERED
        events.record_many(session, [Happened(cast.app_id, kind, TRIGGERED | changes, "hello")], clock.now())


def test_the_life_of_a_webhook(mailtalk: Command, telling: WorkerServer) -> None:
    with webhook_receiver() as receiver:
        made = mailtalk("app", "set", "demo", "--webhook", receiver.url, **PRIVATE).stdout
        secret = made.split("secret  ")[1].split()[0]
        assert secret.startswith("whsec_")
        assert mailtalk("webhooks", "test", "default", *APP).stdout == "sent: 200\n"
        receiver.answer = lambda _request: (500, {})
        assert mailtalk("webhooks", "test", "default", *APP, code=1).stdout == "queued: 500\n"
        listed = mailtalk("webhooks", "list").stdout + mailtalk("webhooks", "list", "--json").stdout
        assert "500" in listed
        assert secret not in listed
        receiver.answer = lambda _request: (200, {})
        mailtalk("webhooks", "resume", "default", *APP)
        until(lambda: len(receiver.requests) == 3)
        until(lambda: '"stage": "queued"' not in mailtalk("webhooks", "log", "default", *APP, "--json").stdout)
        log = json.loads(mailtalk("webhooks", "log", "default", *APP, "--json").stdout)
        assert [(each["type"], each["stage"], each["status"]) for each in log] == [("webhook.test", "sent", 200)] * 2
        assert "webhook.test" in mailtalk("webhooks", "log", "default", *APP, "--stage", "sent").stdout
        assert mailtalk("webhooks", "replay", "default", *APP, "--from", "1h").stdout == "Events to be sent again: 0\n"
    assert secret not in mailtalk("webhooks", "rotate-secret", "default", *APP).stdout
    mailtalk("webhooks", "delete", "default", *APP)
    assert "no webhook" in mailtalk("webhooks", "log", "default", *APP, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("put", "main", "http://127.0.0.1/", *APP), 1, "not public"),
        (("put", "a:b", "https://example.com/", *APP), 1, "1 to 64"),
        (("put", "main", "https://example.com/", "--app", "none"), 1, "no app"),
        (("put", "main", "https://example.com/", "--event", "x", *APP), 1, "unknown event"),
        (("replay", "main", *APP), 2, "give --from and --to, or --event"),
        (("replay", "main", "--from", "soon", *APP), 2, "not a time"),
        (("replay", "main", "--event", "7", *APP), 2, "evt_"),
    ],
)
def test_what_is_wrong_is_said(mailtalk: Command, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert said in mailtalk("webhooks", *arguments, code=code).stderr


def test_a_channel_is_told_in_plain_words(mailtalk: Command, cast: Cast, telling: WorkerServer) -> None:
    with webhook_receiver() as receiver:
        url = receiver.url.replace("http://", "json://") + "?phone={phone}"
        mailtalk("channels", "set", "sms", url, *APP)
        assert "json://" in mailtalk("channels", "list").stdout
        assert receiver.url[7:] not in mailtalk("channels", "list", "--json").stdout
        trigger(cast, conversation={"id": "hello", "subject": "Hel\r\nlo"})
        trigger(cast, recipient=ALICE)  # who has no phone
        until(lambda: column(cast.database, "SELECT stage FROM webhook_deliveries") == ["sent", "cancelled"])
        (request,) = receiver.requests
        assert mailtalk("channels", "test", "sms", *APP, code=1).stdout == "cancelled: the recipient has no phone\n"
        mailtalk("channels", "delete", "sms", *APP)
    assert (request.event["title"], request.event["message"]) == ("Alice to Bob: Hel lo", "Lunch,\n@Bob?\nAt noon.")
    replies = "SELECT reply FROM webhook_deliveries ORDER BY id LIMIT 2"
    assert column(cast.database, replies) == [None, "the recipient has no phone"]


def test_a_channel_that_fails_is_tried_again(mailtalk: Command, cast: Cast, telling: WorkerServer) -> None:
    def refuse(_request: ReceivedRequest) -> tuple[int, dict[str, str]]:
        return (500 if len(receiver.requests) == 1 else 200), {}

    with webhook_receiver() as receiver:
        receiver.answer = refuse
        mailtalk("channels", "set", "team", receiver.url.replace("http://", "json://"), *APP)
        trigger(cast)
        until(lambda: column(cast.database, "SELECT attempts FROM webhook_deliveries") == [1])
        with cast.database.transaction() as session:
            endpoints.resume(session, clock.now(), channels.get(session, "demo", "team"))
        until(lambda: column(cast.database, "SELECT stage FROM webhook_deliveries") == ["sent"])


def test_what_cannot_be_told_is_put_off_like_what_nobody_takes(
    mailtalk: Command, cast: Cast, telling: WorkerServer
) -> None:
    with webhook_receiver() as receiver:
        mailtalk("channels", "set", "team", receiver.url.replace("http://", "json://"), *APP)
        trigger(cast, recipient="Bob")  # a defect of ours
        until(lambda: column(cast.database, "SELECT reply FROM webhook_deliveries") == ["error: AttributeError"])
        assert column(cast.database, "SELECT attempts FROM webhook_deliveries") == [1]
        assert column(cast.database, "SELECT not_before > now() + interval '3 seconds' FROM webhook_lanes") == [True]
        assert receiver.requests == []


def test_without_apprise_it_is_said_what_to_install(mailtalk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    said = mailtalk("channels", "set", "team", "json://localhost", *APP, code=1).stderr
    assert "pip install 'mailtalk[channels]'" in said


@pytest.mark.parametrize("url", ["nothing://x", "https", "", "json://"])
def test_a_url_that_apprise_does_not_know(mailtalk: Command, url: str) -> None:
    assert "Apprise" in mailtalk("channels", "set", "team", url, *APP, code=1).stderr


@pytest.mark.parametrize("form", ["lines", "json"])
def test_the_tail_follows_what_nobody_else_wants(
    cast: Cast, database_url: str, tmp_path: Path, telling: WorkerServer, form: str
) -> None:
    options = ["--json"] if form == "json" else []
    tail = subprocess.Popen(
        [sys.executable, MAILTALK, "notifications", "tail", *APP, *options],
        env=environment(database_url, tmp_path) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: column(cast.database, "SELECT kind FROM webhooks") == ["listener"])
        trigger(cast)
        assert tail.stdout
        line = tail.stdout.readline()
    finally:
        tail.send_signal(signal.SIGINT)
        tail.wait(30)
        if tail.stdout:
            tail.stdout.close()
    if form == "json":
        assert json.loads(line)["data"]["recipient"]["id"] == "bob"
    else:
        assert line.split()[1:] == ["demo", "notification.triggered", "hello", "bob", "At", "noon.", "(+1)"]
    assert column(cast.database, "SELECT count(*) FROM webhooks") == [0]
    trigger(cast)
    assert column(cast.database, "SELECT count(*) FROM events") == [1]
