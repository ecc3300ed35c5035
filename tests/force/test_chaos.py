"""Chaos on the real stack: processes, broker and database are killed, frozen and filled under load; then a check.

`make chaos KILLS=1000` is the long form. The seed is printed, and FORCE_SEED repeats its faults and requests.
"""

import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import checker
import httpx
import pytest
from checker import Verdict
from faults import Faults
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError
from stacks import ForkedStack, forked
from support.cast import Cast
from support.servers import make_settings
from support.smtp_client import address_of
from support.smtp_sink import Sink, sinking
from support.sql import rows
from support.waiting import until

from cli.local.embedded import Postgres, Valkey
from clients import Changer, Client, History, Mailer, Writer, running
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring

KILLS = int(os.environ.get("KILLS", "100"))
SEED = int(os.environ.get("FORCE_SEED", random.SystemRandom().randrange(10**6)))
ROLES = ("api", "bridge", "worker1", "worker2")
DISK = 700  # MB
LIMIT, PATIENCE, PAUSE = 5, 180.0, 0.25  # participants; seconds; between two faults
POOL = tuple(f"e{number}" for number in range(9))
READER = "dave"
USERS = "INSERT INTO users (app_id, id, name) SELECT 'demo', unnest(CAST(:ids AS text[])), 'E'"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path | None]:
    """A small file system of its own for the database, where this may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        print(f"the disk is not filled: {mounted.stderr.strip()}")  # noqa: T201  shown with the figures
        yield None
        return
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def own_postgres(tmp_path: Path, disk: Path | None) -> Iterator[Postgres]:
    """A server that may be stopped at any time: what is committed is written, though to memory."""
    server = Postgres((disk or tmp_path) / "postgres", options={"fsync": "off", "max_wal_size": "128MB"})
    server.start()
    migrate(server.url)
    yield server
    server.stop()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        sink.delay, sink.extensions = 0.02, ("PIPELINING",)
        yield sink


@pytest.fixture
def stack(own_postgres: Postgres, own_valkey: Valkey, sink: Sink, tmp_path: Path) -> Iterator[ForkedStack]:
    settings = make_settings(
        database_url=SecretStr(own_postgres.url), redis_url=SecretStr(own_valkey.url), relay_url=SecretStr(sink.url)
    )
    with closing(Database(own_postgres.url)) as database:
        cast = Cast.introduce(database, Keyring.from_setting("k" * 32))
        rows(database, "UPDATE apps SET participant_limit = :limit", limit=LIMIT)
        rows(
            database,
            "INSERT INTO users (app_id, id, name) SELECT 'demo', unnest(CAST(:ids AS text[])), 'E'",
            ids=list(POOL),
        )
        with forked(settings, sink, cast, tmp_path, roles=ROLES) as stack:
            yield stack


@pytest.fixture
def faults(stack: ForkedStack, own_postgres: Postgres, own_valkey: Valkey, disk: Path | None) -> Faults:
    return Faults(stack, own_postgres, own_valkey, random.Random(SEED), disk)


def clients(stack: ForkedStack, history: History) -> list[Client]:
    """Who talks: two change participants of each of two conversations; in a third one writes, and two send mails."""
    with stack.client() as http:
        for conversation in ("first", "second"):
            assert http.put(f"/conversations/{conversation}").status_code == 200
    made: list[Client] = [Writer(stack, history, "hello", "alice", SEED)]
    for conversation in ("first", "second"):
        for number in range(2):
            made.append(changer := Changer(stack, history, conversation, str(number), SEED))
            changer.users = POOL
    for user in ("bob", "carol"):
        made.append(mailer := Mailer(stack, history, "hello", user, f"mail {SEED}"))
        mailer.address = address_of(stack.cast, Keyring.from_setting("k" * 32), user)
    return made


@pytest.mark.timeout(600 + KILLS * 20)
def test_nothing_is_lost_doubled_or_out_of_order(
    stack: ForkedStack, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    history = History()
    with running(*clients(stack, history)):
        while faults.kills < KILLS:
            threading.Event().wait(PAUSE)
            faults.one()
    began = time.monotonic()
    until(lambda: quiet(stack), PATIENCE)
    late = time.monotonic() - began
    verdict, database = Verdict(), stack.cast.database
    with stack.client() as http:
        found = checker.changes(http, history, LIMIT, POOL, verdict)
    found += checker.messages(database, stack.cast.app_id, history, verdict)
    found += checker.raw_mails(database, Keyring.from_setting("k" * 32), history, verdict)
    sent = list(zip(stack.sink.recipients, stack.sink.mails, strict=True))
    found += checker.mails(database, sent, history, READER, verdict)
    with capsys.disabled():
        told = f"kills={faults.kills} operations={history.operations} {verdict} late={late:.1f}s seed={SEED}"
        print(f"\n{told} {dict(faults.counts)}")  # noqa: T201  make chaos shows it
    assert found == []
    assert verdict.broken == 0


def quiet(stack: ForkedStack) -> bool:
    """True once nothing waits; the database may still be starting."""
    try:
        return stack.is_quiet() and httpx.get(f"{stack.api}/readyz", timeout=20).status_code == 200
    except (DBAPIError, httpx.TransportError):
        return False
