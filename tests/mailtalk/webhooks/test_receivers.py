"""The receivers of docs/receivers, run as they stand there: what they believe, and what a real worker tells them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.cast import Cast
from support.servers import free_port, sweeping
from support.sql import rows
from support.waiting import until
from support.webhook_receiver import SECRET, subscribe

from mailtalk import clock
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from mailtalk.webhooks import signing

RECEIVERS = Path(__file__).parents[3] / "docs" / "receivers"
OTHER = signing.new_secret()
PYTHON = [sys.executable, str(RECEIVERS / "receiver.py")]
NODE = [shutil.which("node") or "", str(RECEIVERS / "receiver.mjs")]


@dataclass
class Running:
    """A receiver that runs."""

    url: str
    out: Path

    @property
    def told(self) -> list[tuple[str, int | None, bool]]:
        """What it did: type, sequence, and whether it was the newest."""
        lines = [json.loads(line) for line in self.out.read_text().splitlines()]
        return [(each["type"], each["sequence"], each["newest"]) for each in lines]


@contextmanager
def run(command: Sequence[str], directory: Path) -> Iterator[Running]:
    port, out = free_port(), directory / "out"
    environment = os.environ | {"WEBHOOK_SECRET": SECRET, "WEBHOOK_SEEN": str(directory / "seen")}
    with out.open("a") as file:
        process = subprocess.Popen([*command, str(port)], env=environment, stdout=file)
    try:
        running = Running(f"http://127.0.0.1:{port}/", out)
        until(lambda: process.poll() is not None or answers(running.url))
        yield running
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.post(url, content=b"x").status_code == 401
    except httpx.TransportError:
        return False


@pytest.fixture(params=[pytest.param(PYTHON, id="python"), pytest.param(NODE, id="node")])
def command(request: pytest.FixtureRequest) -> list[str]:
    command: list[str] = request.param
    if not command[0]:
        pytest.skip("node is not installed")
    return command


def post(running: Running, event_id: str, sequence: int, *, keys: Sequence[str] = (SECRET,), **changes: Any) -> int:
    """Send an event as Mailtalk does, or with something changed behind its back; gives the status."""
    event = {"id": event_id, "type": "message.sent", "conversationId": "a", "sequence": sequence, "data": {}}
    body = json.dumps(event).encode()
    at: datetime = changes.pop("at", clock.now())
    headers = signing.headers(list(keys), event_id, body, at) | changes.pop("headers", {})
    headers = {name: value for name, value in headers.items() if value is not None}
    return httpx.post(running.url, content=changes.pop("body", body), headers=headers).status_code


def test_it_believes_what_is_signed_and_fresh_once(command: list[str], tmp_path: Path) -> None:
    with run(command, tmp_path) as running:
        assert [post(running, "evt_1", 1), post(running, "evt_3", 3), post(running, "evt_1", 1)] == [204] * 3
        assert post(running, "evt_2", 2) == 204
        assert post(running, "evt_4", 4, keys=[OTHER]) == 401
        assert post(running, "evt_4", 4, body=b'{"id": "evt_4"}') == 401
        for wrong in (None, "0"):
            assert post(running, "evt_4", 4, headers={"webhook-signature": wrong, "X-TalkJS-Signature": wrong}) == 401
            assert post(running, "evt_4", 4, headers={"webhook-timestamp": wrong, "X-TalkJS-Timestamp": wrong}) == 401
        for minutes in (-6, 6):
            assert post(running, "evt_4", 4, at=clock.now() + timedelta(minutes=minutes)) == 401
    with run(command, tmp_path) as running:  # it remembers
        assert [post(running, "evt_3", 3), post(running, "evt_4", 4)] == [204, 204]
        assert post(running, "evt_5", 5, keys=[SECRET, OTHER]) == 204
        assert running.told == [
            ("message.sent", 1, True),
            ("message.sent", 3, True),
            ("message.sent", 2, False),
            ("message.sent", 4, True),
            ("message.sent", 5, True),
        ]


def test_each_of_the_two_signatures_is_enough(command: list[str], tmp_path: Path) -> None:
    with run(command, tmp_path) as running:
        for number, header in enumerate(signing.headers([SECRET], "evt_1", b"{}", clock.now()), 1):
            assert post(running, f"evt_{number}", number, headers={header: None}) == 204
        assert post(running, "evt_6", 6, keys=[OTHER, SECRET]) == 204  # the day after a change of the secret


def test_it_takes_what_a_worker_tells(
    command: list[str], tmp_path: Path, cast: Cast, keyring: Keyring, settings: Settings
) -> None:
    settings = settings.model_copy(update={"webhook_allow_private": "127.0.0.0/8"})
    with run(command, tmp_path) as running:
        subscribe(cast, keyring, running.url)
        with sweeping(settings):
            cast.join("alice")
            cast.say("alice", "one", "two")
            until(lambda: len(running.told) == 3)
        assert running.told == [("participant.joined", 1, True), ("message.sent", 2, True), ("message.sent", 3, True)]
    assert {row.status for row in rows(cast.database, "SELECT status FROM webhook_deliveries")} <= {204}
