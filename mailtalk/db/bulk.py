"""Many rows in one statement: PostgreSQL unpacks one JSON value by the column types of the table."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.models.base import Base


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with the same columns; omitted columns get their defaults."""
    if rows:
        table, columns = model.__tablename__, ", ".join(rows[0])
        session.execute(
            text(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {records(model)}"),  # noqa: S608  our names
            {"rows": encode(rows)},
        )


def records(model: type[Base]) -> str:
    """SQL for the rows in the parameter `rows`, made by `encode`, as rows of the table."""
    return f"jsonb_populate_recordset(CAST(NULL AS {model.__tablename__}), CAST(:rows AS jsonb))"


def encode(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as one JSON value; bytes in PostgreSQL's hexadecimal form."""
    return msgspec.json.encode([{name: _plain(value) for name, value in row.items()} for row in rows]).decode()


def _plain(value: Any) -> Any:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else value
