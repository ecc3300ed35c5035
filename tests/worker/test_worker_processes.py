"""`mailtalk worker` in several processes: each has a heartbeat, one that dies is started again, all end together."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import MAILTALK, environment
from support.sql import column
from support.waiting import until

from mailtalk.db.database import Database
from mailtalk.settings.load import Settings

NAMES = "SELECT name FROM workers WHERE beat_at > now() - interval '10 seconds' ORDER BY name"


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    own = {"MAILTALK_REDIS_URL": settings.require("redis_url"), "MAILTALK_WORKER_PROCESSES": "2"}
    env = environment(settings.require("database_url"), tmp_path) | own
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, MAILTALK, "worker"], env=env, stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


def pids(database: Database) -> set[int]:
    return {int(name.rpartition("/")[2]) for name in column(database, NAMES)}


def test_each_has_a_heartbeat_and_one_that_dies_is_started_again(
    database: Database, worker: "subprocess.Popen[bytes]"
) -> None:
    until(lambda: len(pids(database)) == 2)
    first = pids(database)
    assert worker.pid not in first
    os.kill(min(first), signal.SIGKILL)
    until(lambda: len(pids(database) - first) == 1)
    worker.send_signal(signal.SIGTERM)
    worker.wait(60)
    until(lambda: not pids(database) - {min(first)})  # who ends says so; who was killed left its row
