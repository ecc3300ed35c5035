"""Real servers for every test: one PostgreSQL and one Valkey a run, one database a test."""

import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
import redis
from psycopg import sql
from support import certificates
from support.cast import Cast
from support.servers import Copied, Stack, bridging, make_settings, serving, working

from cli.local.embedded import Postgres, Valkey, postgres_binaries
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from worker.server import WorkerServer

TEMPLATE = "mailtalk_template"
LONG = (
    "tests/force/",
    "test_hostile_texts.py",
    "tests/journeys/",
    "test_schemathesis.py",
    "test_webhook_sender.py",
    "promise/",
)
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # its workers keep a test's database from being dropped
    "file_copy_method": "clone",  # of the template, for each test
}
MEMORY, ROOM = Path("/dev/shm"), 2_000_000_000  # noqa: S108  where files are made fastest, if there is so much room


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each process its share of the long tests first, so that none is left to wait for at the end.

    What shares a module's servers stays together.
    """
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long: dict[str, list[pytest.Item]] = {}
    rest = []
    for item in items:
        if any(each in item.nodeid for each in LONG):
            shared = "stack" in getattr(item, "fixturenames", ())
            long.setdefault(item.nodeid.partition("::")[0] if shared else item.nodeid, []).append(item)
        else:
            rest.append(item)
    size, groups = -(-len(rest) // shares), list(long.values())
    items[:] = [
        item
        for i in range(shares)
        for item in (*chain.from_iterable(groups[i::shares]), *rest[i * size : (i + 1) * size])
    ]


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No MAILTALK_* of the developer's shell steers a test, and no client reads all the world's certificates."""
    for name in list(os.environ):
        if name.startswith("MAILTALK_"):
            del os.environ[name]
    os.environ["SSL_CERT_FILE"] = str(certificates.make(tmp_path_factory.mktemp("trusted"))[0])


@pytest.fixture(autouse=True)
def _default_time_out() -> Iterator[None]:
    """Celery sets one while a worker ends, kombu while it cleans up: two at once, in one process, may leave theirs."""
    yield
    socket.setdefaulttimeout(None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    memory = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None
    with TemporaryDirectory(prefix="mailtalk-", dir=memory) as directory:
        server = Postgres(Path(directory) / "data", options=FAST)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def binaries() -> Path:
    """Directory of the tests' psql, pg_dump and pg_restore."""
    return postgres_binaries()


@pytest.fixture(scope="session")
def admin(postgres: Postgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def copied(postgres: Postgres, admin: psycopg.Connection) -> Copied:
    """Gives a new copy of a database with the migrated tables, by its URL."""
    admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate(_url(postgres, TEMPLATE))

    @contextmanager
    def copy() -> Iterator[str]:
        name = f"test_{secrets.token_hex(6)}"
        names = {"name": sql.Identifier(name), "template": sql.Identifier(TEMPLATE)}
        admin.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY").format(**names))
        yield _url(postgres, name)
        admin.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))

    return copy


@pytest.fixture
def database_url(copied: Copied) -> Iterator[str]:
    with copied() as url:
        yield url


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
def worker(settings: Settings) -> Iterator[WorkerServer]:
    """A worker: its sweeps, and a real Celery worker on the real broker."""
    with working(settings) as worker:
        yield worker


@pytest.fixture(scope="module")
def stack(copied: Copied, valkey: Valkey) -> Iterator[Stack]:
    """A database, an API and a worker that a module's tests share; each brings an app of its own."""
    with copied() as url:
        settings = make_settings(database_url=url, redis_url=valkey.url)
        with serving(settings) as api, working(settings), closing(Database(url)) as database:
            yield Stack(api, settings, database)


@pytest.fixture
def bridge(settings: Settings) -> Iterator[tuple[str, int]]:
    """The SMTP bridge behind a real socket; gives its host and port."""
    with bridging(settings) as address:
        yield address


def _url(postgres: Postgres, name: str) -> str:
    return postgres.url.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def here() -> Path:
    return Path(__file__).parent
