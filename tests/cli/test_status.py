"""`mailtalk status`: what an operator sees of an idle system, of one at work, and of one in trouble."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.cast import Cast
from support.command_line import MAILTALK, Command, command, environment
from support.outbox import Post
from support.sql import rows

from mailtalk.participation.rules import Request
from mailtalk.vocabulary import ChangeKind

WORKER = """INSERT INTO workers (name, started_at, beat_at, relays)
    VALUES ('here/1', now(), now(), CAST(:relays AS jsonb))"""


@pytest.fixture
def mailtalk(database_url: str, redis_url: str, tmp_path: Path) -> Command:
    run = command(database_url, tmp_path)
    return lambda *arguments, **settings: run(*arguments, **{"MAILTALK_REDIS_URL": redis_url} | settings)


def status(mailtalk: Command) -> Any:
    return json.loads(mailtalk("status", "--json").stdout)


def test_without_a_worker_it_says_what_to_do(mailtalk: Command, cast: Cast) -> None:
    cast.accept("bob", Request(ChangeKind.JOIN))
    shown = mailtalk("status").stdout
    assert "No worker runs: nothing is applied, made or sent. Start one: mailtalk worker" in shown
    assert shown.splitlines()[1].split() == ["changes", "1", "1", "0", "s", "1", "0"]


def test_all_is_well(mailtalk: Command, cast: Cast) -> None:
    rows(cast.database, WORKER, relays='[{"name": "relay:25", "state": "closed", "pause": 0, "reason": null}]')
    shown = mailtalk("status").stdout
    assert shown.endswith("Broker  answers\n\nAll is well.\n")
    assert "relay:25  closed" in shown
    assert status(mailtalk)["findings"] == []


def test_it_names_what_is_stuck_and_the_relay_in_trouble(mailtalk: Command, post: Post) -> None:
    relays = '[{"name": "relay:25", "state": "open", "pause": 9, "reason": "421 busy"}]'
    rows(post.cast.database, WORKER, relays=relays)
    rows(
        post.cast.database,
        WORKER.replace("now())", "now() - interval '3 hours')").replace("here/1", "dead/2"),
        relays="[]",
    )
    rows(post.cast.database, "UPDATE workers SET beat_at = now() - interval '3 hours' WHERE name = 'dead/2'")
    report = status(mailtalk)
    dead, relay, stuck = report["findings"][:3]
    assert dead == "The worker dead/2 has not been heard of for 3 h; others do its work. Was it killed?"
    assert relay == "The relay relay:25 is in trouble, its mails wait: 421 busy. Check it: mailtalk doctor"
    deliveries = next(queue for queue in report["queues"] if queue["name"] == "deliveries")
    assert (deliveries["depth"], deliveries["oldest"]["userId"]) == (1, "bob")
    assert stuck.startswith(f"deliveries: {deliveries['oldest']['id']} (queued) has been due for ")
    assert f"mailtalk deliveries show {deliveries['oldest']['id']}" in stuck


@pytest.fixture
def post(cast: Cast, keyring: Any) -> Post:
    cast.join("alice", "bob")
    post = Post(cast, keyring)
    post.say("alice", "hi")
    assert post.mailed(30) == ["bob"]
    return post


def test_a_broker_that_does_not_answer_is_told(mailtalk: Command, cast: Cast) -> None:
    shown = mailtalk("status", MAILTALK_REDIS_URL="redis://127.0.0.1:1/0").stdout
    assert "! The broker does not answer (ConnectionError)" in shown


def test_it_is_watched_until_it_is_stopped(database_url: str, redis_url: str, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [MAILTALK, "status", "--watch"],
        env=environment(database_url, tmp_path) | {"MAILTALK_REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    seen = 0
    while seen < 2:
        seen += "QUEUE" in running.stdout.readline()
    running.terminate()
    running.communicate(timeout=20)
