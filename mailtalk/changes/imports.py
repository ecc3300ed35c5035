"""Imports: rows of a file are accepted in batches; each batch stores its last line, so that no row enters twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.changes import log as change_log
from mailtalk.changes.log import Requested
from mailtalk.errors import Conflict, NotFound
from mailtalk.models import Change, ImportBatch
from mailtalk.vocabulary import ChangeStatus

BATCH = 1_000  # rows in one transaction


@dataclass(frozen=True, slots=True)
class Source:
    """A file, identified by its content, and the app it is imported into."""

    app_id: str
    file_hash: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file and its change."""

    line: int
    change: Requested


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """Result of a row: the id of its change, or the error code of its refusal."""

    line: int
    change_id: int | None
    error_code: str | None


def last_line(session: Session, source: Source) -> int:
    """Last accepted line of this file; 0 for a new file."""
    query = select(func.max(ImportBatch.last_line)).where(_of(source))
    return session.scalar(query) or 0


def accept(session: Session, source: Source, after_line: int, rows: Sequence[Row], now: datetime) -> list[ImportedRow]:
    """Accept the rows after `after_line`, unless a concurrent run of the same file has just done so.

    Rows with an unknown user or conversation are refused; the others are accepted.
    """
    insertion = insert(ImportBatch).values(
        app_id=source.app_id,
        file_hash=source.file_hash,
        after_line=after_line,
        last_line=rows[-1].line,
        taken=[],
        accepted_at=now,
    )
    if session.scalar(insertion.on_conflict_do_nothing().returning(ImportBatch.after_line)) is None:
        return _taken_elsewhere(session, source, after_line, rows)
    accepted = change_log.accept(session, [row.change for row in rows])
    taken = [_taken(row, result) for row, result in zip(rows, accepted, strict=True)]
    batch = session.get_one(ImportBatch, (source.app_id, source.file_hash, after_line))
    batch.taken = [[row.line, row.change_id, row.error_code] for row in taken]
    return taken


def batch_after(session: Session, source: Source, line: int) -> list[ImportedRow]:
    """Batch after this line; empty if there is none."""
    query = select(ImportBatch.taken).where(_of(source), ImportBatch.after_line >= line)
    found = session.scalar(query.order_by(ImportBatch.after_line).limit(1))
    return [ImportedRow(*row) for row in found or ()]


def pending(session: Session, app_id: str, taken: Sequence[ImportedRow]) -> bool:
    """True while a change of these rows is pending."""
    query = select(Change.id).where(_among(app_id, taken), Change.status == ChangeStatus.PENDING)
    return session.scalar(query.limit(1)) is not None


def errors(session: Session, app_id: str, taken: Sequence[ImportedRow]) -> Iterator[ImportedRow]:
    """Rows that were refused on acceptance or on application, with their error codes."""
    query = select(Change.id, Change.error_code)
    query = query.where(_among(app_id, taken), Change.status != ChangeStatus.APPLIED)
    late = {row.id: row.error_code for row in session.execute(query)}
    for row in taken:
        if row.error_code is not None:
            yield row
        elif row.change_id in late:
            yield ImportedRow(row.line, row.change_id, late[row.change_id] or "PENDING")


def forget(session: Session, source: Source) -> None:
    """Forget the file: the next run imports all its rows again."""
    session.execute(delete(ImportBatch).where(_of(source)))


def _of(source: Source) -> ColumnElement[bool]:
    return and_(ImportBatch.app_id == source.app_id, ImportBatch.file_hash == source.file_hash)


def _taken_elsewhere(session: Session, source: Source, after_line: int, rows: Sequence[Row]) -> list[ImportedRow]:
    taken = batch_after(session, source, after_line)
    if [each.line for each in taken] != [row.line for row in rows]:
        raise Conflict(["another run imports this file in another way; let it end, then run this again"])
    return taken


def _taken(row: Row, accepted: int | NotFound) -> ImportedRow:
    if isinstance(accepted, NotFound):
        return ImportedRow(row.line, None, accepted.code)
    return ImportedRow(row.line, accepted, None)


def _among(app_id: str, taken: Sequence[ImportedRow]) -> ColumnElement[bool]:
    ids = [row.change_id for row in taken if row.change_id is not None]
    return and_(Change.app_id == app_id, Change.id == func.any(literal(ids, ARRAY(BigInteger))))
