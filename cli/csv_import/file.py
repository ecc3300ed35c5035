"""CSV file of an import: its lines as requests to join, or the reasons why they are invalid."""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mailtalk.errors import Invalid
from mailtalk.participation.rules import Request
from mailtalk.vocabulary import Access, Actor, ChangeKind, Frequency, Notify

COLUMNS = ("conversation", "user", "access", "notify", "frequency")
EXPECTED = ",".join(COLUMNS[:4])
ID_LENGTH = 255
LONGEST = 10_000  # characters of a line
ACCESS = {"": None, "readwrite": Access.READ_WRITE, "read": Access.READ}
NOTIFY = {"": None, "true": Notify.ALL, "mentionsonly": Notify.MENTIONS_ONLY, "false": Notify.OFF}
FREQUENCY: dict[str, Frequency | None] = {"": None} | {value.value: value for value in Frequency}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Join:
    """Valid line."""

    line: int
    conversation: str
    user: str
    request: Request


@dataclass(frozen=True, slots=True)
class BadLine:
    """Invalid line, with the reason."""

    line: int
    reason: str


class ParticipantsFile:
    """CSV file, read line by line for each pass: memory does not grow with its size.

    Raises Invalid when the header is wrong. `conversation` is for rows without one.
    """

    def __init__(self, path: Path, conversation: str | None = None) -> None:
        self._path, self._conversation = path, conversation
        self._columns = self._header()
        self.lines, self.hash = self._measure()

    def rows(self, after_line: int = 0) -> Iterator[Join | BadLine]:
        """Read the rows after this line; blank lines are skipped."""
        for number, line in self._lines():
            if number > max(after_line, 1) and line.strip():
                yield self._row(number, line)

    def _lines(self) -> Iterator[tuple[int, str]]:
        # A row is one physical line, since no id holds a line break: an open quote spoils one row, not the rest.
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            yield from enumerate(iter(lambda: file.readline(LONGEST), ""), 1)

    def _header(self) -> list[str]:
        try:
            columns = [name.strip().lower() for name in _cells(next(self._lines(), (1, ""))[1])]
        except csv.Error:
            columns = []
        required = {"user"} if self._conversation else {"user", "conversation"}
        known, unique = set(columns) <= set(COLUMNS), len(set(columns)) == len(columns)
        if not (known and unique and required <= set(columns)):
            raise Invalid({"line 1": [self._wrong_header(columns)]})
        return columns

    def _wrong_header(self, columns: list[str]) -> str:
        header = ",".join(columns) or "nothing"
        without = "" if self._conversation else "; conversation can be left out with --conversation ID"
        hint = f"access and notify can be left out, frequency can be added{without}"
        return f"expected the header {EXPECTED} ({hint}), found {header!r:.200}"

    def _measure(self) -> tuple[int, bytes]:
        lines, digest = 0, hashlib.sha256()
        with self._path.open("rb") as file:
            while block := file.read(1 << 20):
                lines += block.count(b"\n")
                digest.update(block)
        digest.update(b"\0" + (self._conversation or "").encode())
        return lines + 1, digest.digest()

    def _row(self, number: int, line: str) -> Join | BadLine:
        try:
            return self._join(number, line)
        except (csv.Error, ValueError) as error:
            return BadLine(number, str(error))

    def _join(self, number: int, line: str) -> Join:
        cells = _cells(line)
        if len(cells) != len(self._columns):
            raise ValueError(f"{len(cells)} values, expected {len(self._columns)}")
        values = dict(zip(self._columns, map(str.strip, cells), strict=True))
        conversation = values.get("conversation") or self._conversation or ""
        access = _word("access", values, ACCESS, "ReadWrite or Read")
        notify = _word("notify", values, NOTIFY, "true, MentionsOnly or false")
        frequency = _word("frequency", values, FREQUENCY, "immediately, default, hourly or daily")
        request = Request(ChangeKind.JOIN, access, notify, frequency=frequency, by=Actor.OPERATOR)
        return Join(number, _id("conversation", conversation), _id("user", values["user"]), request)


def _cells(line: str) -> list[str]:
    return next(csv.reader([line.rstrip("\r\n")], strict=True), [])


def _id(column: str, value: str) -> str:
    if not 0 < len(value) <= ID_LENGTH or not value.isprintable():
        raise ValueError(f"{column}: must be 1 to {ID_LENGTH} printable characters (UTF-8)")
    return value


def _word(column: str, values: Mapping[str, str], words: Mapping[str, T], allowed: str) -> T:
    value = values.get(column, "")
    try:
        return words[value.lower()]
    except KeyError:
        raise ValueError(f"{column}: {value!r:.50} is not {allowed}") from None
