"""`mailtalk participants import`: a CSV file's rows into the log of changes, and what became of them."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from cli import connect
from cli.show.import_report import Report
from cli.show.participants_file import Join, RosterFile
from mailtalk import clock
from mailtalk.changes import apply, imports
from mailtalk.changes.imports import BATCH, Row, Source, Taken
from mailtalk.changes.log import Requested
from mailtalk.conversations import apps
from mailtalk.db import workers
from mailtalk.db.database import Database
from mailtalk.settings.load import Settings

AHEAD = 10  # batches that wait to be applied while the next are taken: workers stay busy, others' changes get through
POLL = 0.05
PATIENCE = 5.0  # seconds between two looks whether a worker lives
NO_WORKER = (
    "no worker beats, so nobody would apply the rows: start `mailtalk worker`, or add --apply to do it here. "
    "What was taken is kept: run this again and it goes on where it ended"
)
STUCK = "a change cannot be applied here; start `mailtalk worker`, which tries changes alone, and run this again"


def bring_in(  # noqa: PLR0913  what the command's options say
    settings: Settings,
    path: Path,
    app_id: str,
    conversation: str | None,
    errors: Path | None,
    *,
    here: bool,
    again: bool,
) -> bool:
    """Import the file, print what became of its rows; gives whether all were applied."""
    file = RosterFile(path, conversation)
    with connect.database(settings) as database:
        with database.transaction() as session:
            apps.found(session, app_id)
        run = Import(database, file, app_id, here=here)
        if again:
            run.again()
        run.run()
        return run.report().tell(errors)


class Import:
    """One run over a file; `here` applies the changes in this process."""

    def __init__(self, database: Database, file: RosterFile, app_id: str, *, here: bool) -> None:
        self._database, self._file = database, file
        self._source = Source(app_id, file.hash)
        self._workers = None if here else _Workers(database)

    def again(self) -> None:
        """Treat the file as new."""
        with self._database.transaction() as session:
            imports.forget(session, self._source)

    def run(self) -> None:
        """Take every row that no earlier run took, and wait until all are applied."""
        with click.progressbar(length=self._file.lines, label="Importing", file=sys.stderr) as bar:
            waiting: deque[list[Taken]] = deque()
            for taken in self._batches():
                waiting.append(taken)
                if len(waiting) > AHEAD:
                    self._settle(waiting.popleft(), bar)
            while waiting:
                self._settle(waiting.popleft(), bar)
            bar.update(self._file.lines - bar.pos)

    def report(self) -> Report:
        """Tell what became of the rows of this and earlier runs."""
        return Report(self._file.rows(), self._taken(), self._errors)

    def _batches(self) -> Iterator[list[Taken]]:
        line = 0
        for taken in self._taken():
            line = taken[-1].line
            yield taken
        rows = (self._row(row) for row in self._file.rows(line) if isinstance(row, Join))
        while batch := list(islice(rows, BATCH)):
            yield self._accept(line, batch)
            line = batch[-1].line

    def _taken(self) -> Iterator[list[Taken]]:
        line = 0
        while taken := self._next(line):
            yield taken
            line = taken[-1].line

    def _next(self, line: int) -> list[Taken]:
        with self._database.transaction() as session:
            return imports.batch_after(session, self._source, line)

    def _row(self, join: Join) -> Row:
        return Row(join.line, Requested(self._source.app_id, join.conversation, join.user, join.request, clock.now()))

    def _accept(self, after_line: int, rows: list[Row]) -> list[Taken]:
        if self._workers is not None:
            self._workers.require()
        with self._database.transaction() as session:
            return imports.accept(session, self._source, after_line, rows, clock.now())

    def _settle(self, taken: list[Taken], bar: Any) -> None:
        while self._pending(taken):
            self._wait()
        bar.update(taken[-1].line - bar.pos)

    def _pending(self, taken: list[Taken]) -> bool:
        with self._database.transaction() as session:
            return imports.pending(session, self._source.app_id, taken)

    def _errors(self, taken: list[Taken]) -> list[Taken]:
        with self._database.transaction() as session:
            return list(imports.errors(session, self._source.app_id, taken))

    def _wait(self) -> None:
        if self._workers is not None:
            self._workers.require()
        elif self._apply():
            return
        time.sleep(POLL)

    def _apply(self) -> bool:
        try:
            with self._database.transaction() as session:
                return bool(apply.apply(session, clock.now()))
        except apply.Poison as poison:
            raise click.ClickException(STUCK) from poison


class _Workers:
    """Looks from time to time whether there are any, so that nobody waits for workers that are gone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._look_at = 0.0

    def require(self) -> None:
        """ClickException when no worker beats."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + PATIENCE
        with self._database.transaction() as session:
            if workers.beating(session) is None:
                raise click.ClickException(NO_WORKER)
