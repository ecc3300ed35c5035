"""The database: one engine per process, and transaction(), the only place that commits."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from mailtalk.db.outage import Outage, meaning
from mailtalk.errors import Unavailable

MIGRATIONS = Path(__file__).parents[1] / "migrations"
# A hung database must cost seconds, never a pile-up of requests; 25 MB of mail fit easily into the statement time-out.
SERVER_OPTIONS = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=15s"
CONNECT: dict[str, Any] = {
    "connect_timeout": 3,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,  # a host that vanished is noticed while its answer is awaited, too
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": SERVER_OPTIONS,
}
LOCKED_OUT = ("40P01", "55P03")  # deadlock_detected, lock_not_available
MIGRATION_ATTEMPTS = 40
# SQLSTATE classes of temporary errors: connection, rollback, resources, …; 25006 is a standby not yet promoted.
TEMPORARY = ("08", "25006", "40", "53", "55", "57", "58")


class Database:
    """Connection pool of one PostgreSQL database."""

    def __init__(self, url: str, pool: int = 16) -> None:
        self.url = psycopg_url(url)
        self.application = f"mailtalk/{token_hex(4)}"  # names our sessions in the server
        self.connect_args = CONNECT | {"application_name": self.application}
        self._pool = pool
        self._closed = False
        self.outage = Outage()
        self.committed: Callable[[Session], None] = lambda _session: None  # called after each commit

    @cached_property
    def engine(self) -> Engine:
        """Pool, created at first use so that no connection is shared across a fork."""
        return create_engine(
            self.url,
            pool_size=self._pool,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args=self.connect_args,
            hide_parameters=True,  # errors are logged, and the values include texts, mails and people's addresses
        )

    @cached_property
    def single(self) -> Engine:
        """Connections outside the pool, for locks that live as long as a worker."""
        return create_engine(self.url, poolclass=NullPool, connect_args=self.connect_args, isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Session that is committed at the end of the block; Unavailable on temporary errors of the database."""
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
            self.outage.end()
            self.committed(session)
        except PoolTimeout as error:
            raise Unavailable("no database connection is free") from error
        except DBAPIError as error:
            if is_temporary(error):
                raise self.unavailable(sqlstate(error)) from error
            raise
        finally:
            if self._closed:
                self.engine.pool.dispose()

    def unavailable(self, state: str | None) -> Unavailable:
        """Error for a temporary error of the database; the start of an outage is logged."""
        is_outage = self.outage.begin(state)
        return Unavailable(meaning(state) or f"the database cannot do it now ({state})", is_logged=is_outage)

    def drain(self, step: Callable[[Session], int]) -> None:
        """Repeat a step, each in its own transaction, until its count is 0."""
        done = 1
        while done:
            with self.transaction() as session:
                done = step(session)

    def close(self) -> None:
        """Close all pooled connections, and those in use once they are returned."""
        self._closed = True
        self.engine.pool.dispose()


def is_temporary(error: Exception) -> bool:
    """True for temporary errors of the database, after which the same work may be retried."""
    if not isinstance(error, DBAPIError):
        return False
    state = sqlstate(error)
    if state is None:  # not an error of the server: the connection broke, or the driver could not convert a value
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    return error.connection_invalidated or state.startswith(TEMPORARY)


def sqlstate(error: DBAPIError) -> str | None:
    """SQLSTATE of a server's error; None if the connection broke or could not be opened."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def psycopg_url(url: str) -> URL:
    """URL with our driver, for any PostgreSQL scheme."""
    return make_url(url).set(drivername="postgresql+psycopg")


def migrate(url: str) -> None:
    """Migrate the tables to the newest version; concurrent migrations wait for each other.

    A migration that meets the locks of running processes is tried again; OperationalError after the last attempt.
    """
    from alembic import command  # noqa: PLC0415  a sixth of a second, which no other process needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = psycopg_url(url)
    for attempt in range(1, MIGRATION_ATTEMPTS + 1):
        try:
            command.upgrade(config, "head")
        except OperationalError as error:
            if sqlstate(error) not in LOCKED_OUT or attempt == MIGRATION_ATTEMPTS:
                raise
            time.sleep(random.uniform(0.2, 1))
        else:
            return
