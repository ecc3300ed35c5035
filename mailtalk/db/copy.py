"""COPY: many rows into one table, streamed in PostgreSQL's binary format."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session


def copy(session: Session, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows in the session's transaction; `columns` are names with types. Without rows there is no statement.

    The rows may be produced while they are written, but must not use the session. Errors are SQLAlchemy's.
    """
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return
    session.flush()
    connection = cast("psycopg.Connection", session.connection().connection.driver_connection)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as stream:
            stream.set_types(list(columns.values()))
            stream.write_row(first)
            for row in iterator:
                stream.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(
            statement.as_string(connection),
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            dialect=session.get_bind().dialect,
        ) from error
