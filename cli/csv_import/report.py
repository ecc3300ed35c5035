"""Report of an import: the number of applied rows, and the others with their reasons."""

import csv
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from cli import printing
from cli.csv_import.file import BadLine, Join
from mailtalk.changes.imports import ImportedRow
from mailtalk.errors import ErrorCode

SHOWN = 20  # lines
BAD = "BAD_LINE"
MEANS = {
    BAD: "the line is invalid",
    ErrorCode.USER_NOT_FOUND: "the app has no such user: PUT /users/{id} first",
    ErrorCode.CONVERSATION_NOT_FOUND: "the app has no such conversation: PUT /conversations/{id} first",
    ErrorCode.PARTICIPANT_LIMIT: "the conversation is full; see: mailtalk app set --limit",
    ErrorCode.INTERNAL: "an internal error; see the workers' logs",
}
Line = tuple[int, str, str]  # number, code, reason


class ImportReport:
    """Outcomes of all rows, in the order of the lines, read once: memory does not grow with the file."""

    def __init__(
        self,
        rows: Iterable[Join | BadLine],
        batches: Iterable[list[ImportedRow]],
        errors: Callable[[list[ImportedRow]], list[ImportedRow]],
    ) -> None:
        self._rows, self._batches, self._errors = rows, batches, errors
        self._taken = 0
        self._reasons: Counter[str] = Counter()
        self._first: list[Line] = []

    def print(self, errors: Path | None) -> bool:
        """Print the summary, and write every failed line to the file; True if all rows were applied."""
        if errors is None:
            self._count()
        else:
            with errors.open("w", encoding="utf-8", newline="") as file:
                self._count(csv.writer(file).writerow)
        self._print(errors)
        return not self._reasons

    def _count(self, write: Callable[[tuple[object, ...]], object] = lambda _: None) -> None:
        write(("line", "code", "reason"))
        for line in heapq.merge(self._bad(), self._rejected()):
            self._reasons[line[1]] += 1
            if len(self._first) < SHOWN:
                self._first.append(line)
            write(line)

    def _bad(self) -> Iterator[Line]:
        for row in self._rows:
            if isinstance(row, BadLine):
                yield row.line, BAD, printing.plain(row.reason)

    def _rejected(self) -> Iterator[Line]:
        for batch in self._batches:
            self._taken += len(batch)
            for row in self._errors(batch):
                code = row.error_code or ""
                yield row.line, code, MEANS.get(code, "")

    def _print(self, errors: Path | None) -> None:
        bad, failed = self._reasons[BAD], self._reasons.total()
        rejected = failed - bad
        click.echo(
            f"{self._taken + bad:,} rows: {self._taken - rejected:,} applied, {rejected:,} rejected, {bad:,} bad"
        )
        for code, count in self._reasons.most_common():
            click.echo(f"{count:>9,}  {code}  {MEANS.get(code, '')}")
        for number, code, reason in self._first:
            click.echo(f"line {number}: {reason if code == BAD else code}")
        if failed > SHOWN:
            click.echo(f"… and {failed - SHOWN:,} more" + ("" if errors else "; all of them with --errors FILE"))
        if errors and failed:
            click.echo(f"All of them: {errors}")
