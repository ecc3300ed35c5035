"""Real servers for every test: one PostgreSQL and one Valkey a run, one database a test."""

import asyncio
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import uvicorn
from cast import Cast
from celery.contrib.testing.worker import start_worker
from psycopg import sql

from api.app import build
from cli.embedded import Postgres, Valkey
from mailtalk.db import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.settings import Settings
from smtp_bridge.server import listening
from worker.server import Worker

TEMPLATE = "mailtalk_template"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No MAILTALK_* of the developer's shell steers a test."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MAILTALK_")}
    yield
    os.environ.update(kept)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"), options=FAST)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """A database with the migrated tables, of which each test gets a copy."""
    _run(postgres.url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate(_url(postgres, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(postgres: Postgres, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    _run(postgres.url, create)
    yield _url(postgres, name)
    _run(postgres.url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    """Settings of a fast whole: mails are made as soon as a conversation has been quiet for a moment."""
    return make_settings(database_url=database_url, redis_url=redis_url)


def make_settings(**values: Any) -> Settings:
    ports = {"api_port": free_port(), "smtp_port": free_port()}
    return Settings(secret_key="k" * 32, quiet_seconds=0.2, cap_seconds=2, **{**ports, **values})


@pytest.fixture
def keyring(settings: Settings) -> Keyring:
    return Keyring.from_setting(settings.require("secret_key"))


@pytest.fixture
def cast(database: Database, keyring: Keyring) -> Cast:
    """Alice, Bob, Carol and Dave in an app of theirs."""
    return Cast.introduce(database, keyring)


@pytest.fixture
def api(settings: Settings) -> Iterator[str]:
    """The API behind a real socket; gives its base URL."""
    with serving(settings) as url:
        yield url


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    """A worker: its sweeps, and a real Celery worker on the real broker."""
    with working(settings) as worker:
        yield worker


@pytest.fixture
def bridge(settings: Settings) -> Iterator[tuple[str, int]]:
    """The SMTP bridge behind a real socket; gives its host and port."""
    with bridging(settings) as address:
        yield address


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(build(settings), host=settings.api_host, port=settings.api_port, log_config=None)
    )
    with _thread(server.run):
        _await_port(settings.api_host, settings.api_port)
        yield f"http://{settings.api_host}:{settings.api_port}"
        server.should_exit = True


@contextmanager
def working(settings: Settings) -> Iterator[Worker]:
    worker = Worker(settings)
    worker.start()
    try:
        with start_worker(worker.celery, pool="threads", concurrency=2, perform_ping_check=False, loglevel="ERROR"):
            yield worker
    finally:
        worker.stop()


@contextmanager
def bridging(settings: Settings) -> Iterator[tuple[str, int]]:
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def listen() -> None:
        async with listening(settings):
            await stop.wait()

    with closing(loop), _thread(lambda: loop.run_until_complete(listen())):
        _await_port(settings.smtp_host, settings.smtp_port)
        yield settings.smtp_host, settings.smtp_port
        loop.call_soon_threadsafe(stop.set)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def _thread(target: Callable[[], Any]) -> Iterator[None]:
    thread = threading.Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        thread.join(20)
        assert not thread.is_alive()


def _await_port(host: str, port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection((host, port), timeout=5).close()
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on {host}:{port}")


def _url(postgres: Postgres, name: str) -> str:
    return postgres.url.rpartition("/")[0] + f"/{name}"


def _run(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def here() -> Path:
    return Path(__file__).parent
