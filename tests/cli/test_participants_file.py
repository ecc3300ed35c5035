from pathlib import Path

import pytest
from support.csv_import import HEADER, write

from cli.csv_import.file import BadLine, Join, ParticipantsFile
from mailtalk.errors import Invalid
from mailtalk.vocabulary import Access, Frequency, Notify


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("conversation,user,access,notify\r\nhello,alice,,\r\n", "utf-8-sig"),
        ('"user","Conversation"\r\n"alice", hello', "utf-8"),
        ("user\nalice\n\n\n", "utf-8"),
        ("conversation,user\n,alice\n", "utf-8-sig"),
    ],
)
def test_what_spreadsheets_write_is_understood(tmp_path: Path, content: str, encoding: str) -> None:
    (row,) = ParticipantsFile(write(tmp_path / "f.csv", content, encoding), "hello").rows()
    assert isinstance(row, Join)
    assert (row.line, row.conversation, row.user) == (2, "hello", "alice")


def test_words_may_be_in_any_case(tmp_path: Path) -> None:
    (row,) = ParticipantsFile(write(tmp_path / "f.csv", HEADER + "hello,alice,READ,TRUE\n")).rows()
    assert isinstance(row, Join)
    assert (row.request.access, row.request.notify) == (Access.READ, Notify.ALL)


def test_a_frequency_may_be_given(tmp_path: Path) -> None:
    rows = list(
        ParticipantsFile(write(tmp_path / "f.csv", "user,frequency\nalice,Daily\nbob,\ncarol,weekly\n"), "hello").rows()
    )
    assert [row.request.frequency for row in rows if isinstance(row, Join)] == [Frequency.DAILY, None]
    assert isinstance(rows[2], BadLine)


def test_rows_after_a_line(tmp_path: Path) -> None:
    file = ParticipantsFile(write(tmp_path / "f.csv", HEADER + "hello,alice,,\nhello,bob,,\n"))
    assert [row.line for row in file.rows(after_line=2)] == [3]


def test_bad_lines_are_told_with_their_numbers_and_stop_nothing(tmp_path: Path) -> None:
    lines = [
        "hello,alice,None,",
        "hello,alice",
        "hello,,,",
        "hello,a\0b,,",
        'hello,"alice,,',
        "hello,bob,,yes",
        "",
        ",",
    ]
    file = tmp_path / "f.csv"
    file.write_bytes((HEADER + "\n".join([*lines, "hello,bob,,"])).encode() + b"\nhello,b\xff,,\n" + b"x" * 30_000)
    rows = list(ParticipantsFile(file).rows())
    assert [row.line for row in rows if isinstance(row, BadLine)][:8] == [2, 3, 4, 5, 6, 7, 9, 11]
    assert [row.line for row in rows if isinstance(row, Join)] == [10]
    assert isinstance(rows[0], BadLine)
    assert rows[0].reason == "access: 'None' is not ReadWrite or Read"


def test_a_file_without_conversations_needs_the_option(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="--conversation ID"):
        ParticipantsFile(write(tmp_path / "f.csv", "user\nalice\n"))
