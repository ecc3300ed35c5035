"""The migrations make exactly the tables that the models say, and can be run by several at once."""

import subprocess
import sys

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql

from cli.local.embedded import Postgres
from mailtalk.db.database import Database
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
