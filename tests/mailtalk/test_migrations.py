"""The migrations make exactly the tables that the models say, and can be run by several at once."""

import subprocess
import sys
import threading
from pathlib import Path

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from support.waiting import until

from cli.local.embedded import Postgres
from mailtalk.db.database import Database, migrate
from mailtalk.models import Base


def test_the_tables_are_those_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_several_may_migrate_at_once(postgres: Postgres) -> None:
    url = postgres.url.rpartition("/")[0] + "/migrated_at_once"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE migrated_at_once"))
        code = "import sys; from mailtalk.db.database import migrate; migrate(sys.argv[1])"
        started = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(3)]
        assert [process.wait(60) for process in started] == [0, 0, 0]
        connection.execute(sql.SQL("DROP DATABASE migrated_at_once WITH (FORCE)"))


def test_a_migration_does_not_wait_long_for_the_locks_of_what_runs(postgres: Postgres, binaries: Path) -> None:
    url = postgres.url.rpartition("/")[0] + "/migrated_beside"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE migrated_beside"))
        subprocess.run([binaries / "psql", "--quiet", "-o", "/dev/null", "-f", FIRST, url], check=True)
        with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as other:
            reader.execute("SELECT FROM participations")
            migration = threading.Thread(target=migrate, args=[url])
            migration.start()
            until(lambda: other.execute(WAITING).fetchone())
            other.execute("SELECT FROM participations")  # waits behind the migration, which gives up
            reader.rollback()
            migration.join(60)
            assert other.execute("SELECT count(*) FROM origins").fetchone() == (0,)
        connection.execute(sql.SQL("DROP DATABASE migrated_beside WITH (FORCE)"))


FIRST = Path(__file__).parents[1] / "data/version_0001.sql"
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'"
