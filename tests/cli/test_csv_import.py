import csv
from pathlib import Path

import pytest
from support.cast import Cast
from support.command_line import Command, command
from support.csv_import import HEADER, MANY, bring, invite, log_length, many, people, write
from support.servers import make_settings, working


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


def test_rows_become_participants(mailtalk: Command, cast: Cast, tmp_path: Path) -> None:
    file = write(
        tmp_path / "f.csv", HEADER + "hello,alice,Read,MentionsOnly\nhello,bob,,\nhello,carol,readwrite,FALSE\n"
    )
    assert "3 rows: 3 applied, 0 rejected, 0 bad" in bring(mailtalk, file, "--apply")
    assert people(cast) == [
        ("alice", "Read", "MentionsOnly"),
        ("bob", "ReadWrite", "All"),
        ("carol", "ReadWrite", "Off"),
    ]


@pytest.mark.parametrize(
    "header",
    ["", "who,where", "conversation;user;access;notify", "user,user,conversation", "conversation,access", '"us'],
)
def test_a_wrong_header_is_refused_and_the_right_one_named(
    mailtalk: Command, cast: Cast, tmp_path: Path, header: str
) -> None:
    told = bring(mailtalk, write(tmp_path / "f.csv", f"{header}\nhello,alice,,\n"), "--apply", code=1)
    assert "expected the header conversation,user,access,notify" in told
    assert log_length(cast) == 0


def test_what_is_unknown_or_too_much_is_rejected_and_stops_nothing(
    mailtalk: Command, cast: Cast, tmp_path: Path
) -> None:
    mailtalk("app", "set", "demo", "--limit", "2")
    lines = ["hello,alice,,", "hello,nobody,,", "nowhere,bob,,", "hello,bob,Write,", "hello,bob,,", "hello,carol,,"]
    file, errors = write(tmp_path / "f.csv", HEADER + "\n".join(lines)), tmp_path / "errors.csv"
    told = bring(mailtalk, file, "--apply", "--errors", str(errors), code=1)
    assert "6 rows: 2 applied, 3 rejected, 1 bad" in told
    assert "line 7: PARTICIPANT_LIMIT" in told
    assert "line 5: access: 'Write' is not ReadWrite or Read" in told
    with errors.open() as written:
        assert [row[:2] for row in csv.reader(written)] == [
            ["line", "code"],
            ["3", "USER_NOT_FOUND"],
            ["4", "CONVERSATION_NOT_FOUND"],
            ["5", "BAD_LINE"],
            ["7", "PARTICIPANT_LIMIT"],
        ]
    assert [user for user, *_ in people(cast)] == ["alice", "bob"]


def test_the_first_20_are_shown_and_all_are_written(mailtalk: Command, cast: Cast, tmp_path: Path) -> None:
    file, errors = write(tmp_path / "f.csv", HEADER + "hello,nobody,,\n" * 50), tmp_path / "errors.csv"
    told = bring(mailtalk, file, "--apply", code=1)
    assert told.count("\nline ") == 20
    assert "… and 30 more; all of them with --errors FILE" in told
    bring(mailtalk, file, "--errors", str(errors), code=1)
    assert len(errors.read_text().splitlines()) == 51


def test_without_a_worker_it_says_what_to_do_and_takes_nothing(mailtalk: Command, cast: Cast, tmp_path: Path) -> None:
    told = bring(mailtalk, write(tmp_path / "f.csv", HEADER + "hello,alice,,\n"), code=1)
    assert "start `mailtalk worker`, or add --apply" in told
    assert log_length(cast) == 0


def test_an_unknown_app_takes_nothing(mailtalk: Command, cast: Cast, tmp_path: Path) -> None:
    file = write(tmp_path / "f.csv", HEADER + "hello,alice,,\n")
    assert "no app 'none'" in mailtalk("participants", "import", str(file), "--app", "none", code=1).stderr


def test_a_running_worker_applies_the_rows(
    mailtalk: Command, cast: Cast, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    invite(cast)
    with working(make_settings(database_url=database_url, redis_url=redis_url)):
        assert "3,000 rows: 3,000 applied" in bring(mailtalk, many(tmp_path / "f.csv"))
    assert len(people(cast)) == MANY
