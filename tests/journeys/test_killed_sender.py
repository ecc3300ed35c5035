"""A worker that is killed again and again while it sends: everybody gets their mail, and what is repeated says so.

`make chaos` runs the long form: CHAOS_RECIPIENTS=3000, killed every two seconds until all have theirs.
"""

import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

import pytest
from support.audience import audience
from support.cast import Cast
from support.command_line import MAILTALK, environment
from support.smtp_sink import Sink, sinking
from support.sql import column, rows, subscribe
from support.waiting import until

from mailtalk.settings.load import Settings

RECIPIENTS = int(os.environ.get("CHAOS_RECIPIENTS", "150"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "0.4"))
KILLS = int(os.environ.get("CHAOS_KILLS", "3"))  # at most
SLOW = 0.05  # seconds the relay takes for each mail: so much work is in flight when the worker is killed
PATIENCE = 60.0 + RECIPIENTS / 5


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        sink.delay, sink.extensions = SLOW, ("PIPELINING",)
        yield sink


@pytest.fixture
def worker(settings: Settings, sink: Sink, tmp_path: Path) -> Mapping[str, str]:
    """What the process `mailtalk worker` needs in its environment."""
    relay = {"MAILTALK_REDIS_URL": settings.require("redis_url"), "MAILTALK_RELAY_URL": sink.url}
    return {**environment(settings.require("database_url"), tmp_path), **relay}


@contextmanager
def running(worker: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, MAILTALK, "worker"], env=dict(worker), stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.long
@pytest.mark.timeout(int(PATIENCE) * 2)
def test_everybody_gets_their_mail_and_only_what_is_unknown_is_repeated(
    cast: Cast, sink: Sink, worker: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    cast.join("alice")
    audience(cast, RECIPIENTS)
    subscribe(cast.database)
    cast.say("alice", "hello everybody")
    kills = 0
    while len(set(sink.recipients)) < RECIPIENTS and kills < KILLS:
        before = len(sink.mails)
        with running(worker):
            until(lambda before=before: len(sink.mails) > before, PATIENCE)
            threading.Event().wait(SECONDS)
        kills += 1
    with running(worker):
        until(lambda: column(cast.database, "SELECT DISTINCT stage FROM deliveries") == ["sent"], PATIENCE)
    copies = defaultdict(list)
    for mail in sink.mails:
        copies[message_from_bytes(mail)["Message-ID"]].append(mail)
    doubt = {row.message_id: row.unknowns for row in rows(cast.database, "SELECT message_id, unknowns FROM deliveries")}
    assert set(copies) == set(doubt)
    assert len(doubt) == RECIPIENTS
    assert {each for each, mails in copies.items() if len(mails) > 1 + doubt[each]} == set()
    assert {each for each, mails in copies.items() if len(set(mails)) > 1} == set()
    repeats = len(sink.mails) - RECIPIENTS
    with capsys.disabled():
        told = f"{RECIPIENTS} recipients, {kills} kills, {sum(doubt.values())} unknown, {repeats} repeated byte-equal"
        print(f"\n{told}")  # noqa: T201  make chaos shows it
    assert kills > 1
    assert len(column(cast.database, "SELECT 1 FROM events WHERE type = 'notification.sent'")) == RECIPIENTS
