"""Run of an import: put the rows of a file into the log of changes, and wait until they are applied."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from cli.csv_import.file import Join, ParticipantsFile
from cli.csv_import.report import ImportReport
from mailtalk import clock
from mailtalk.changes import apply, imports
from mailtalk.changes.imports import BATCH, ImportedRow, Row, Source
from mailtalk.changes.log import Requested
from mailtalk.db import workers
from mailtalk.db.database import Database
from mailtalk.ids import ParticipantKey

AHEAD = 10  # batches in the log but not applied: keeps workers busy, and lets others' changes through
POLL = 0.05
CHECK = 5.0  # seconds between two checks for a worker
NO_WORKER = (
    "no worker is running, so the rows would not be applied: start `mailtalk worker`, or add --apply to do it here. "
    "Rows that were taken are kept: run this again and it continues"
)
STUCK = "a change cannot be applied here; start `mailtalk worker`, which tries each change alone, and run this again"


class Import:
    """Run over a file; `here` applies the changes in this process."""

    def __init__(self, database: Database, file: ParticipantsFile, app_id: str, *, here: bool) -> None:
        self._database, self._file = database, file
        self._source = Source(app_id, file.hash)
        self._workers = None if here else _Workers(database)

    def forget(self) -> None:
        """Forget earlier runs of this file."""
        with self._database.transaction() as session:
            imports.forget(session, self._source)

    def run(self) -> None:
        """Take the rows that no earlier run took, and wait until all are applied."""
        with click.progressbar(length=self._file.lines, label="Importing", file=sys.stderr) as bar:
            waiting: deque[list[ImportedRow]] = deque()
            for taken in self._batches():
                waiting.append(taken)
                if len(waiting) > AHEAD:
                    self._wait_for(waiting.popleft(), bar)
            while waiting:
                self._wait_for(waiting.popleft(), bar)
            bar.update(self._file.lines - bar.pos)

    def report(self) -> ImportReport:
        """Report the outcome of the rows, of this and earlier runs."""
        return ImportReport(self._file.rows(), self._taken(), self._errors)

    def _batches(self) -> Iterator[list[ImportedRow]]:
        line = 0
        for taken in self._taken():
            line = taken[-1].line
            yield taken
        rows = (self._row(row) for row in self._file.rows(line) if isinstance(row, Join))
        while batch := list(islice(rows, BATCH)):
            yield self._accept(line, batch)
            line = batch[-1].line

    def _taken(self) -> Iterator[list[ImportedRow]]:
        line = 0
        while taken := self._next(line):
            yield taken
            line = taken[-1].line

    def _next(self, line: int) -> list[ImportedRow]:
        with self._database.transaction() as session:
            return imports.batch_after(session, self._source, line)

    def _row(self, join: Join) -> Row:
        participant = ParticipantKey.of(self._source.app_id, join.conversation, join.user)
        return Row(join.line, Requested(participant, join.request, clock.now()))

    def _accept(self, after_line: int, rows: list[Row]) -> list[ImportedRow]:
        if self._workers is not None:
            self._workers.require()
        with self._database.transaction() as session:
            return imports.accept(session, self._source, after_line, rows, clock.now())

    def _wait_for(self, taken: list[ImportedRow], bar: Any) -> None:
        while self._pending(taken):
            self._apply_or_sleep()
        bar.update(taken[-1].line - bar.pos)

    def _pending(self, taken: list[ImportedRow]) -> bool:
        with self._database.transaction() as session:
            return imports.pending(session, self._source.app_id, taken)

    def _errors(self, taken: list[ImportedRow]) -> list[ImportedRow]:
        with self._database.transaction() as session:
            return list(imports.errors(session, self._source.app_id, taken))

    def _apply_or_sleep(self) -> None:
        if self._workers is not None:
            self._workers.require()
        elif self._apply():
            return
        time.sleep(POLL)

    def _apply(self) -> bool:
        try:
            with self._database.transaction() as session:
                return bool(apply.apply(session, clock.now()))
        except apply.PoisonChanges as poison:
            raise click.ClickException(STUCK) from poison


class _Workers:
    """Checks from time to time that a worker is running."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._check_at = 0.0

    def require(self) -> None:
        """Raise ClickException unless a worker has a fresh heartbeat."""
        if time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + CHECK
        with self._database.transaction() as session:
            if workers.beating(session) is None:
                raise click.ClickException(NO_WORKER)
