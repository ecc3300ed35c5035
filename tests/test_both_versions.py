"""The first version's processes and ours at once, on tables upgraded under the former: nothing is lost.

The former are those of commit 72676b1, with the packages of today. Ours start while its worker runs, and so store mails
as it reads them.
"""

import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import cycle
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from support.product import PATIENCE, free_port
from support.sql import column
from support.waiting import until

from cli.local.embedded import Postgres
from mailtalk.conversations import apps
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.models import Participation
from mailtalk.participation import addresses
from mailtalk.vocabulary import Purpose

ROOT = Path(__file__).parents[1]
FIRST = "72676b1"
DUMP = ROOT / "tests/data/version_0001.sql"
KEY = "k" * 32
ROUNDS = 12
MAIN = "from cli.main import main; main()"
PROCESSES = ("api", "worker", "bridge")
MESSAGE = "/v1/demo/conversations/hello/messages"
CAROL = "/v1/demo/conversations/hello/participants/carol"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the first version."""
    tree = tmp_path_factory.mktemp("first")
    archive = subprocess.run(["git", "-C", ROOT, "archive", FIRST], capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"the history of this checkout does not hold {FIRST}: git fetch --unshallow")
    subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)
    return tree


@pytest.fixture
def url(postgres: Postgres, binaries: Path) -> Iterator[str]:
    """A database of the first version, with its data; it is not upgraded yet."""
    url = postgres.url.rpartition("/")[0] + "/both_versions"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE both_versions"))
        subprocess.run([binaries / "psql", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", DUMP, url], check=True)
        yield url
        connection.execute(sql.SQL("DROP DATABASE both_versions WITH (FORCE)"))


class Version:
    """API, worker and bridge of one version."""

    def __init__(self, tree: Path, url: str, redis_url: str, directory: Path) -> None:
        self.api, self.smtp = free_port(), free_port()
        given = {"DATABASE_URL": url, "REDIS_URL": redis_url, "SECRET_KEY": KEY, "DATA_DIR": str(directory)}
        given |= {"API_PORT": str(self.api), "SMTP_PORT": str(self.smtp), "REPLY_DOMAIN": "reply.example"}
        given |= {"QUIET_SECONDS": "0.2", "CAP_SECONDS": "1", "WORKER_PROCESSES": "1"}
        own = {f"MAILTALK_{name}": value for name, value in given.items()} | {"PYTHONPATH": str(tree)}
        self._processes = [
            subprocess.Popen([sys.executable, "-c", MAIN, name], cwd=tree, env=os.environ | own) for name in PROCESSES
        ]

    def close(self) -> None:
        """Stop them, once."""
        processes, self._processes = self._processes, []
        for process in processes:
            process.terminate()
        assert {process.wait(PATIENCE) for process in processes} <= {0, -signal.SIGTERM}

    def is_up(self, workers: int, database: Database) -> bool:
        """True once all of them serve; so many workers beat then."""
        try:
            httpx.get(f"http://127.0.0.1:{self.api}/healthz", timeout=5)
            smtplib.SMTP("127.0.0.1", self.smtp, timeout=5).close()
        except (httpx.TransportError, OSError):
            return False
        return column(database, "SELECT count(*) FROM workers WHERE beat_at > now() - interval '10 s'") == [workers]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nothing_is_lost_while_both_versions_run(first: Path, url: str, redis_url: str, tmp_path: Path) -> None:
    keyring = Keyring.from_setting(KEY)
    with ExitStack() as ends, closing(Database(url)) as database:
        old = Version(first, url, redis_url, tmp_path)
        ends.callback(old.close)
        until(lambda: old.is_up(1, database), PATIENCE)
        migrate(url)  # under the running processes
        new = ends.enter_context(closing(Version(ROOT, url, redis_url, tmp_path)))
        until(lambda: new.is_up(2, database), PATIENCE)
        client = ends.enter_context(httpx.Client(headers=credential(database, keyring), timeout=PATIENCE))
        inbound = f"{local_part(database, keyring)}@reply.example"
        versions = cycle([old, new])
        for i in range(ROUNDS):
            talk(i, next(versions), client, inbound)
        all_arrives(database, ROUNDS)
        old.close()
        talk(ROUNDS, new, client, inbound)
        all_arrives(database, ROUNDS + 1)


def credential(database: Database, keyring: Keyring) -> dict[str, str]:
    secret = apps.new_secret()
    with database.transaction() as session:
        apps.rotate_secret(session, keyring, "demo", secret)
    return {"Authorization": f"Bearer {secret}", "Prefer": "wait=60"}


def local_part(database: Database, keyring: Keyring) -> str:
    """Of Bob's inbound address."""
    with database.transaction() as session:
        bob = session.query(Participation).filter_by(user_id="bob").one()
        return addresses.made(keyring, bob, Purpose.REPLY)[0]


def talk(i: int, version: Version, client: httpx.Client, inbound: str) -> None:
    """One change, one message and one mail by this version; each is acknowledged, at once or when sent again."""
    base = f"http://127.0.0.1:{version.api}"
    message = {"type": "UserMessage", "sender": "alice", "text": f"message {i}"}
    once = {"Idempotency-Key": f"key-{i}"}
    until(lambda: client.put(base + CAROL, json={"notify": i % 2 == 0}).status_code == 200, PATIENCE)
    until(lambda: client.post(base + MESSAGE, json=[message], headers=once).status_code == 200, PATIENCE)
    head = f"From: bob@example.com\r\nTo: {inbound}\r\nMessage-ID: <{i}@example.com>\r\n\r\n"
    until(lambda: is_taken(version, inbound, f"{head}mail number {i} of many\r\n"), PATIENCE)


def is_taken(version: Version, inbound: str, mail: str) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", version.smtp, timeout=PATIENCE) as post:
            return not post.sendmail("bob@example.com", [inbound], mail)
    except smtplib.SMTPResponseException as answer:
        if not 400 <= answer.smtp_code < 500:
            raise
        return False


def all_arrives(database: Database, rounds: int) -> None:
    """Every change is applied, every mail a message, and every message is mailed to those who want it."""
    numbers = "SELECT count(*) FROM messages WHERE text ~ '^(message|mail number) [0-9]+'"
    until(lambda: column(database, numbers) == [2 * rounds], PATIENCE)
    assert column(database, "SELECT DISTINCT outcome FROM inbound_mails") == ["posted"]
    until(lambda: column(database, "SELECT DISTINCT status FROM changes") == ["applied"], PATIENCE)
    waiting = "SELECT count(*) FROM conversations WHERE window_due_at IS NOT NULL"
    until(lambda: column(database, waiting) == [0], PATIENCE)
    until(lambda: column(database, "SELECT count(*) FROM notifications WHERE status = 'open'") == [0], PATIENCE)
    until(lambda: set(column(database, "SELECT DISTINCT stage FROM deliveries")) <= {"captured", "cancelled"}, PATIENCE)
    until(lambda: column(database, UNMAILED) == [], PATIENCE)


# Messages of alice that bob neither was mailed nor, by his answer, had read.
UNMAILED = """
    SELECT text FROM messages m WHERE sender_id = 'alice' AND text LIKE 'message%' AND NOT EXISTS (
        SELECT 1 FROM notifications n WHERE n.user_id = 'bob' AND n.seqs @> m.seq
            AND (n.reason = 'already-read' OR n.status = 'made' AND EXISTS (
                SELECT 1 FROM deliveries d WHERE d.notification_id = n.id AND d.stage = 'captured')))"""
