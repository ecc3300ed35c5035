"""Versions of PostgreSQL and the broker, from Debian or fetched by `make servers`: the whole works with each."""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg
import pytest
import redis
from support.cast import Cast
from support.servers import make_settings, serving, working
from support.sql import column
from support.waiting import until

from cli import start
from cli.local import embedded
from cli.local.embedded import Postgres, Valkey
from mailtalk import clock
from mailtalk.db import server_settings
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from mailtalk.support import deliveries, queues
from mailtalk.support.deliveries import DeliveryFilter
from mailtalk.vocabulary import QueueName, Stage

FETCHED = Path(__file__).parents[1] / ".servers"
OLDER = sorted(
    [
        *Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        *FETCHED.glob("postgres-*/*/bin/postgres"),
        *FETCHED.glob("postgres-*/*/pginstall/bin/postgres"),
    ]
)
BROKERS = sorted([*Path("/usr/bin").glob("redis-server"), *FETCHED.glob("redis-*/*/bin/redis-server")])


@pytest.fixture(params=OLDER, ids=lambda path: path.parts[-4] if "pginstall" in path.parts else path.parts[-3])
def older(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of this version; gives the URL of its database."""
    monkeypatch.setattr(embedded, "postgres_binaries", lambda: request.param.parent)
    monkeypatch.setattr(embedded, "INITDB", "--encoding=UTF8 --locale=C --auth=reject --no-instructions")
    with TemporaryDirectory(prefix="mailtalk-") as directory:
        server = Postgres(Path(directory) / "data")
        server.start()
        migrate(server.url)
        yield server.url
        server.stop()


@pytest.fixture(params=BROKERS, ids=lambda path: path.parts[-4] if FETCHED in path.parents else "debian")
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A broker of this version; gives its URL."""
    monkeypatch.setattr(embedded, "_valkey", lambda: request.param)
    server = Valkey(tmp_path / "broker")
    server.start()
    yield server.url
    server.stop()


def test_an_older_server_serves(older: str, redis_url: str) -> None:
    settings = make_settings(database_url=older, redis_url=redis_url)
    assert not [line for line in start.warnings(settings) if "older than" in line]
    with closing(Database(older)) as database:
        cast = Cast.introduce(database, Keyring.from_setting(settings.require("secret_key")))
        with working(settings):
            cast.join("alice", "bob")
            cast.say("alice", "hi")
            until(lambda: column(database, "SELECT stage FROM deliveries") == ["captured"])
        with database.transaction() as session:
            system = queues.read(session, clock.now())
            (mail,) = deliveries.page(session, DeliveryFilter(address="BOB@example.com"), limit=5)
    assert [queue.depth for queue in system.queues] == [0] * len(QueueName)
    assert mail.stage is Stage.CAPTURED


def test_a_broker_carries_bells_answers_and_counts(
    broker: str, cast: Cast, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(**settings.model_dump() | {"redis_url": broker, "app_requests_per_minute": 1000})
    assert not [line for line in start.warnings(settings) if "older than" in line]
    path = f"/v1/{cast.app_id}/conversations/hello/participants/bob"
    headers = {"Authorization": f"Bearer {cast.secret}", "Prefer": "wait=30"}
    with caplog.at_level(logging.WARNING), serving(settings) as api, working(settings):
        assert httpx.put(api + path, json={}, headers=headers, timeout=60).status_code == 200
        with redis.Redis.from_url(broker) as client:
            until(lambda: _calls(client) >= {"publish", "lpush", "brpop", "incrby"})
            assert client.llen("mailtalk:mailtalk") == 0
    assert "broker" not in caplog.text


def _calls(client: "redis.Redis") -> set[str]:
    """Commands that the broker was asked for."""
    return {name.removeprefix("cmdstat_") for name in client.info("commandstats")}


def test_versions_below_those_that_are_tried_are_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_settings, "OLDEST", 990_000)
    monkeypatch.setattr(start, "OLDEST_BROKER", (99, 0))
    told = start.warnings(settings)
    with psycopg.connect(settings.require("database_url")) as connection:
        version = connection.execute("SHOW server_version").fetchone()
    assert version
    assert f"PostgreSQL {version[0]} is older than 99, the oldest that is supported; upgrade it" in told
    assert any(line.endswith("is older than Redis 99.0, the oldest that is supported; upgrade it") for line in told)
