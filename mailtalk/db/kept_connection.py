"""Kept connection: one asynchronous PostgreSQL connection in autocommit, for the few frequent statements.

A statement costs one round trip: no ping, BEGIN or COMMIT, and it is prepared by the server. Results are rows.
"""

import asyncio
import select
import time
from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg.rows import TupleRow

from mailtalk.db.database import SERVER_OPTIONS, TEMPORARY, Database
from mailtalk.errors import Unavailable

Parameters = Mapping[str, object]
OPTIONS = f"{SERVER_OPTIONS} -c plan_cache_mode=force_generic_plan"  # planning for each batch costs more than the batch
PLANNED = 1.0  # seconds that a statement's plan is kept: one that was made for a small table is slow for a large one
LIMIT = 40.0  # seconds for a statement: more than the server's own limit, for a server that no longer enforces it


class KeptConnection:
    """Connection opened at first use, and again after it broke. One statement at a time."""

    def __init__(self, database: Database) -> None:
        self._database, self._connect_args = database, database.connect_args | {"options": OPTIONS}
        self._url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None
        self._planned_at = time.monotonic()

    async def read(self, query: LiteralString, parameters: Parameters) -> list[TupleRow]:
        """Run a query; after an error retry it once over a new connection, then raise Unavailable."""
        try:
            return await self.write(query, parameters)
        except Unavailable:
            return await self.write(query, parameters)

    async def write(self, query: LiteralString, parameters: Parameters) -> list[TupleRow]:
        """Run a statement, a transaction of its own, once; Unavailable if it is not known to be done."""
        try:
            connection = await self._opened()
            async with asyncio.timeout(LIMIT):
                await self._forget_plans(connection)
                cursor = await connection.execute(query, parameters, prepare=True)
                rows = await cursor.fetchall()
        except psycopg.Error as error:
            if is_temporary(error):
                await self.close()
                raise self._database.unavailable(error.sqlstate) from error
            raise
        except TimeoutError as error:
            await self.close()
            raise Unavailable("the database does not answer in time") from error
        except asyncio.CancelledError:
            await self.close()
            raise
        self._database.outage.end()
        return rows

    async def close(self) -> None:
        """Close it; the next statement opens a new one."""
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    async def _opened(self) -> psycopg.AsyncConnection[TupleRow]:
        if self._connection and _is_dead(self._connection):
            await self.close()
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **self._connect_args)
        return self._connection

    async def _forget_plans(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        """Have the server plan anew for the tables as they are now; by itself it does so after an ANALYZE."""
        if time.monotonic() - self._planned_at >= PLANNED:
            await connection.execute("DISCARD PLANS")
            self._planned_at = time.monotonic()


def is_temporary(error: psycopg.Error) -> bool:
    """True if the same statement may succeed later: the connection broke, or the server is in trouble."""
    if error.sqlstate is None:  # of the connection or the driver, not the server
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return error.sqlstate.startswith(TEMPORARY)


def _is_dead(connection: psycopg.AsyncConnection[TupleRow]) -> bool:
    """True if it was closed while idle: only that makes its socket readable."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
