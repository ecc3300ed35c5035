"""How fast `mailtalk participants import` is, and how much memory it takes.

.venv/bin/python bench/participants_import.py [ROWS]   100,000 rows: into one and into 1,000 conversations, applied
                                                       by a worker and by the command itself; then each once more
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import text

from cli.local.embedded import Postgres, Valkey
from mailtalk.conversations import apps
from mailtalk.db.database import Database, migrate
from mailtalk.keys import Keyring

MAILTALK = Path(sys.executable).with_name("mailtalk")
KEY = "k" * 32
USERS = "INSERT INTO users (app_id, id, name) SELECT :app, 'u' || i, 'U' FROM generate_series(1, :rows) i"
CONVERSATIONS = "INSERT INTO conversations (app_id, id) SELECT :app, 'c' || i FROM generate_series(1, :count) i"


def main() -> None:
    """Print rows a second for each way."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        place = Path(directory)
        place.chmod(0o711)  # PostgreSQL runs as another user
        with servers(place) as environment:
            measure("one conversation, --apply", rows, 1, place, environment, "--apply")
            measure("1,000 conversations, --apply", rows, 1_000, place, environment, "--apply")
            worker = subprocess.Popen([MAILTALK, "worker"], env=environment, stderr=subprocess.DEVNULL)  # noqa: S603
            time.sleep(3)
            measure("one conversation, a worker", rows, 1, place, environment)
            measure("1,000 conversations, a worker", rows, 1_000, place, environment)
            worker.terminate()
            worker.wait()


@contextmanager
def servers(place: Path) -> Iterator[Mapping[str, str]]:
    """Durable servers of their own, and the environment that leads to them."""
    postgres, valkey = Postgres(place / "postgres"), Valkey(place / "valkey")
    postgres.start()
    valkey.start()
    migrate(postgres.url)
    try:
        yield os.environ | {
            "MAILTALK_DATABASE_URL": postgres.url,
            "MAILTALK_REDIS_URL": valkey.url,
            "MAILTALK_SECRET_KEY": KEY,
        }
    finally:
        valkey.stop()
        postgres.stop()


def measure(label: str, rows: int, count: int, place: Path, environment: Mapping[str, str], *options: str) -> None:
    """Import a new file into a new app, then the same file again."""
    app_id = prepare(environment["MAILTALK_DATABASE_URL"], label, rows, count)
    file = place / f"{app_id}.csv"
    with file.open("w") as written:
        written.write("conversation,user,access,notify\n")
        written.writelines(f"c{i % count + 1},u{i + 1},ReadWrite,true\n" for i in range(rows))
    for attempt in ("first", "again"):
        seconds, megabytes = run(file, app_id, environment, *options)
        print(f"{label:30} {attempt}: {seconds:6.1f} s  {rows / seconds:8,.0f} rows/s  {megabytes:.0f} MB", flush=True)


def prepare(url: str, name: str, rows: int, count: int) -> str:
    """Make an app without a limit, with the users and conversations that the file names."""
    with closing(Database(url)) as database, database.transaction() as session:
        app_id, _ = apps.create(session, Keyring.from_setting(KEY), name)
        apps.put(session, app_id, {"participant_limit": None})
        session.execute(text(USERS), {"app": app_id, "rows": rows})
        session.execute(text(CONVERSATIONS), {"app": app_id, "count": count})
    return app_id


def run(file: Path, app_id: str, environment: Mapping[str, str], *options: str) -> tuple[float, float]:
    """Run the command; gives seconds, its start included, and the most memory it had."""
    command = [MAILTALK, "participants", "import", file, "--app", app_id, *options]
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command  # noqa: S101
    return time.monotonic() - began, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
