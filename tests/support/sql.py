"""Plain SQL for tests: what the tables hold, and trouble made by the database itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Row, text
from support.waiting import until

from mailtalk.db.database import Database
from mailtalk.db.workers import LOCK

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def rows(database: Database, statement: str, **values: Any) -> list[Row[Any]]:
    """The rows of a statement; it is committed."""
    with database.engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []


def column(database: Database, statement: str, **values: Any) -> list[Any]:
    """The first column of a statement's rows."""
    return [row[0] for row in rows(database, statement, **values)]


def raise_for(database: Database, table: str, condition: str) -> None:
    """From now on, writing such a row of the table is an error."""
    rows(database, "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poison'; END $$")
    rows(
        database,
        f"""CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION poison()""",
    )


def heal(database: Database, table: str) -> None:
    """Writing is no error any more."""
    rows(database, f"DROP TRIGGER poison ON {table}")


def until_blocked(database: Database, sessions: int = 1) -> None:
    """Wait until so many sessions wait for a lock."""
    until(lambda: column(database, BLOCKED)[0] >= sessions)


def subscribe(database: Database, app_id: str = "demo") -> None:
    """Have the app's events written for an endpoint that wants them all, and is sent none of them yet."""
    rows(
        database,
        """INSERT INTO webhooks (app_id, id, url, secret_sealed, secret_since, rests_until, created_at)
        VALUES (:app, 'test', 'https://hooks.example', '', now(), now() + interval '1 day', now())""",
        app=app_id,
    )


@contextmanager
def alive(database: Database, worker_id: int) -> Iterator[None]:
    """A worker lives as long as its connection holds this lock."""
    with database.single.connect() as life:
        life.execute(text("SELECT pg_advisory_lock(:class, :id)"), {"class": LOCK, "id": worker_id})
        yield
