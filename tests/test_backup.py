"""Backup and restore as an operator runs them: nothing is missing, and nothing is sent twice until they say so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from support.cast import Cast
from support.command_line import Command, command
from support.servers import working
from support.sql import column
from support.waiting import until

from cli.local.embedded import Postgres
from mailtalk.db.database import Database
from mailtalk.settings.load import Settings

SCRIPTS = Path(__file__).parents[1] / "deploy/backup"
STAGES = "SELECT stage FROM deliveries ORDER BY created_at"
KEPT = """SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM messages) AS messages,
    (SELECT count(*) FROM participations) AS participations, (SELECT count(*) FROM deliveries) AS deliveries"""


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """A new database; gives its URL."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE restored"))
        yield postgres.url.rpartition("/")[0] + "/restored"
        connection.execute(sql.SQL("DROP DATABASE restored WITH (FORCE)"))


def run(script: str, url: str, binaries: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    path = f"{binaries}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "MAILTALK_DATABASE_URL": url, "MAILTALK_SECRET_KEY": "k" * 32}
    words = [SCRIPTS / script, *map(str, arguments)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_a_restore_sends_nothing_until_an_operator_lets_it(
    settings: Settings, cast: Cast, empty: str, binaries: Path, tmp_path: Path
) -> None:
    cast.join("alice", "bob")
    with working(settings.model_copy(update={"hold_outgoing": True})):
        cast.say("alice", "hi")
        until(lambda: column(cast.database, STAGES) == ["queued"])
    backup = run("backup.sh", settings.require("database_url"), binaries, tmp_path / "backups").stdout.strip()
    restored = run("restore.sh", empty, binaries, backup)
    assert (restored.returncode, "MAILTALK_HOLD_OUTGOING=true" in restored.stdout) == (0, True), restored.stderr
    mailtalk = command(empty, tmp_path)
    with closing(Database(empty)) as database:
        assert column(database, KEPT) == column(cast.database, KEPT)
        new = Settings(**settings.model_dump() | {"database_url": empty, "hold_outgoing": True})
        with working(new) as worker:
            worker.jobs.deliver()
            assert column(database, STAGES) == ["queued"]
        _cancel(mailtalk)
        with working(new.model_copy(update={"hold_outgoing": False})):
            Cast(database, "demo", "").say("alice", "again")
            until(lambda: column(database, STAGES) == ["cancelled", "captured"])


def _cancel(mailtalk: Command) -> None:
    assert mailtalk("deliveries", "cancel", "--stage", "queued", "--yes").stdout == "Mails cancelled: 1.\n"


def test_a_database_that_is_not_empty_is_left_alone(
    settings: Settings, cast: Cast, binaries: Path, tmp_path: Path
) -> None:
    url = settings.require("database_url")
    backup = run("backup.sh", url, binaries, tmp_path).stdout.strip()
    refused = run("restore.sh", url, binaries, backup)
    assert (refused.returncode, refused.stderr) == (1, "the database is not empty: restore into a new one\n")


def test_only_the_newest_backups_are_kept_and_only_their_owner_reads_them(
    settings: Settings, cast: Cast, binaries: Path, tmp_path: Path
) -> None:
    for day in range(1, 5):
        (tmp_path / f"mailtalk-2025010{day}T000000Z.dump").touch()
    newest = Path(run("backup.sh", settings.require("database_url"), binaries, tmp_path, 2).stdout.strip())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mailtalk-20250104T000000Z.dump", newest.name]
    assert newest.stat().st_mode & 0o077 == 0


def test_a_backup_that_fails_leaves_none(binaries: Path, tmp_path: Path) -> None:
    done = run("backup.sh", "postgresql://nobody@127.0.0.1:1/none", binaries, tmp_path / "backups")
    assert done.returncode != 0
    assert list((tmp_path / "backups").glob("*.dump")) == []
