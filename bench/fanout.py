"""One message to 10,000 participants: how long a worker takes until all mails are made and captured, and its memory.

python bench/fanout.py [--people 10000]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil
from sqlalchemy import text

from cli.local.embedded import Postgres, Valkey
from mailtalk import clock
from mailtalk.conversations import apps, conversations, messages, users
from mailtalk.conversations.messages import Draft
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring
from mailtalk.notifications.windows import Pace
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import MessageType, Origin

SECRET = "k" * 32
CROWD = """
WITH u AS (INSERT INTO users (app_id, id, name, emails)
    SELECT 'demo', 'u' || i, 'User ' || i, ARRAY['u' || i || '@example.com'] FROM generate_series(1, :n) i
    RETURNING app_id, id)
INSERT INTO participations (app_id, conversation_id, user_id, present, access, notify, joined_at)
    SELECT app_id, 'hello', id, true, 'ReadWrite', 'All', now() FROM (SELECT * FROM u UNION SELECT 'demo', 'alice') w"""


def prepare(database: Database, people: int) -> None:
    """An app with a conversation in which so many take part."""
    with database.transaction() as session:
        apps.create(session, Keyring.from_setting(SECRET), "demo", "demo")
        conversations.put(session, "demo", "hello", {"subject": "Hello"})
        users.put(session, "demo", "alice", {"name": "Alice"})
        session.execute(text(CROWD), {"n": people})


def say(database: Database) -> None:
    """One message, whose window closes at once."""
    pace = Pace.of(Settings(quiet_seconds=0, cap_seconds=0))
    with database.transaction() as session:
        conversation = conversations.lock(session, "demo", "hello")
        messages.post(session, clock.now(), pace, conversation, [Draft(MessageType.USER, "Hi", Origin.REST, "alice")])


def ended(database: Database) -> int:
    """How many mails are captured."""
    with database.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM deliveries WHERE stage = 'captured'")) or 0


def main() -> None:
    """Print how long it took and how much memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=10_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory() as directory:
        postgres, valkey = Postgres(Path(directory) / "pg"), Valkey(Path(directory) / "valkey")
        postgres.start()
        valkey.start()
        given = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url, "SECRET_KEY": SECRET, "DATA_DIR": directory}
        environment = os.environ | {f"MAILTALK_{name}": value for name, value in given.items()}
        migrate(postgres.url)
        with closing(Database(postgres.url)) as database:
            prepare(database, people)
            mailtalk = Path(sys.executable).parent / "mailtalk"
            worker = subprocess.Popen([sys.executable, mailtalk, "worker"], env=environment)  # noqa: S603
            try:
                watch(database, psutil.Process(worker.pid), people)
            finally:
                worker.terminate()
                worker.wait()
        valkey.stop()
        postgres.stop()


def watch(database: Database, worker: psutil.Process, people: int) -> None:
    """Say it, and look until all is captured."""
    time.sleep(8)
    before, most = worker.memory_info().rss, 0
    say(database)
    began = time.monotonic()
    while ended(database) < people:
        most = max(most, worker.memory_info().rss)
        time.sleep(0.2)
    seconds, cpu = time.monotonic() - began, sum(worker.cpu_times()[:2])
    print(f"{people} mails in {seconds:.1f} s ({people / seconds:.0f}/s, {cpu:.1f} s of CPU)")
    print(f"memory {before / 1e6:.0f} MB before, {most / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main()
