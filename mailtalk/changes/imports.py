"""Imports: a file's rows enter the log of changes in batches, each with the line it ends at, so none enters twice."""

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
    """A file by its content, imported into an app."""

    app_id: str
    file_hash: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file as the change it asks for."""

    line: int
    change: Requested


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a row: the change in the log, or the error code of its refusal."""

    line: int
    change_id: int | None
    error_code: str | None


def last_line(session: Session, source: Source) -> int:
    """The last line of this file that has entered the log; 0 for a file that is new."""
    query = select(func.max(ImportBatch.last_line)).where(_of(source))
    return session.scalar(query) or 0


def accept(session: Session, source: Source, after_line: int, rows: Sequence[Row], now: datetime) -> list[Taken]:
    """Take the rows that follow `after_line` into the log, unless another run of the same file just did.

    Rows of an unknown user or conversation are refused and don't stop the others.
    """
    place = insert(ImportBatch).values(
        app_id=source.app_id,
        file_hash=source.file_hash,
        after_line=after_line,
        last_line=rows[-1].line,
        taken=[],
        accepted_at=now,
    )
    if session.scalar(place.on_conflict_do_nothing().returning(ImportBatch.after_line)) is None:
        return _taken_elsewhere(session, source, after_line, rows)
    accepted = change_log.accept(session, [row.change for row in rows])
    taken = [_taken(row, each) for row, each in zip(rows, accepted, strict=True)]
    batch = session.get_one(ImportBatch, (source.app_id, source.file_hash, after_line))
    batch.taken = [[row.line, row.change_id, row.error_code] for row in taken]
    return taken


def batch_after(session: Session, source: Source, line: int) -> list[Taken]:
    """The batch that follows this line; empty when there is none."""
    query = select(ImportBatch.taken).where(_of(source), ImportBatch.after_line >= line)
    found = session.scalar(query.order_by(ImportBatch.after_line).limit(1))
    return [Taken(*row) for row in found or ()]


def pending(session: Session, app_id: str, taken: Sequence[Taken]) -> bool:
    """Whether one of these still waits to be applied."""
    query = select(Change.id).where(_among(app_id, taken), Change.status == ChangeStatus.PENDING)
    return session.scalar(query.limit(1)) is not None


def errors(session: Session, app_id: str, taken: Sequence[Taken]) -> Iterator[Taken]:
    """Those that were refused when they were taken, or when they were to be applied, with the code that says why."""
    query = select(Change.id, Change.error_code)
    query = query.where(_among(app_id, taken), Change.status != ChangeStatus.APPLIED)
    late = {row.id: row.error_code for row in session.execute(query)}
    for row in taken:
        if row.error_code is not None:
            yield row
        elif row.change_id in late:
            yield Taken(row.line, row.change_id, late[row.change_id] or "PENDING")


def forget(session: Session, source: Source) -> None:
    """Treat the file as new: the next run takes all its rows again."""
    session.execute(delete(ImportBatch).where(_of(source)))


def _of(source: Source) -> ColumnElement[bool]:
    return and_(ImportBatch.app_id == source.app_id, ImportBatch.file_hash == source.file_hash)


def _taken_elsewhere(session: Session, source: Source, after_line: int, rows: Sequence[Row]) -> list[Taken]:
    taken = batch_after(session, source, after_line)
    if [each.line for each in taken] != [row.line for row in rows]:
        raise Conflict(["another run imports this file in another way; let it end, then run this again"])
    return taken


def _taken(row: Row, accepted: int | NotFound) -> Taken:
    if isinstance(accepted, NotFound):
        return Taken(row.line, None, accepted.code)
    return Taken(row.line, accepted, None)


def _among(app_id: str, taken: Sequence[Taken]) -> ColumnElement[bool]:
    ids = [row.change_id for row in taken if row.change_id is not None]
    return and_(Change.app_id == app_id, Change.id == func.any(literal(ids, ARRAY(BigInteger))))
