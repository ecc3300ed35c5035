import csv
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cast import Cast
from conftest import make_settings, working
from shell import Command, command, environment
from sqlalchemy import text

from cli.roster_file import Bad, Join, RosterFile
from mailtalk import apps, imports
from mailtalk.errors import Invalid
from mailtalk.imports import Source

HEADER = "conversation,user,access,notify\n"
MAILTALK = Path(sys.executable).with_name("mailtalk")
MANY = 3_000


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


@pytest.fixture
def crowd(cast: Cast) -> Cast:
    """The cast, with 3,000 users more and no limit."""
    with cast.database.transaction() as session:
        apps.put(session, "demo", {"participant_limit": None})
        session.execute(
            text("INSERT INTO users (app_id, id, name) SELECT 'demo', 'u' || i, 'U' FROM generate_series(1, :n) i"),
            {"n": MANY},
        )
    return cast


def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def many(path: Path) -> Path:
    return write(path, HEADER + "".join(f"hello,u{i},Read,false\n" for i in range(1, MANY + 1)))


def bring(mailtalk: Command, file: Path, *options: str, code: int = 0) -> str:
    result = mailtalk("participants", "import", str(file), "--app", "demo", *options, code=code)
    told: str = result.stdout + result.stderr
    return told


def query(cast: Cast, sql: str) -> Sequence[Any]:
    with cast.database.transaction() as session:
        return session.execute(text(sql)).all()


def people(cast: Cast) -> list[tuple[str, str, str]]:
    rows = query(cast, "SELECT user_id, access, notify FROM participations WHERE present ORDER BY user_id")
    return [tuple(row) for row in rows]


def log_length(cast: Cast) -> int:
    length: int = query(cast, "SELECT count(*) FROM changes")[0][0]
    return length


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
    ("content", "encoding"),
    [
        ("conversation,user,access,notify\r\nhello,alice,Read,true\r\n", "utf-8-sig"),
        ('"user" , "Conversation"\r\n "alice","hello"', "utf-8"),
        ("user\nalice\n\n\n", "utf-8"),
        ("conversation,user\n,alice\n", "utf-8-sig"),
    ],
)
def test_what_spreadsheets_write_is_understood(
    mailtalk: Command, cast: Cast, tmp_path: Path, content: str, encoding: str
) -> None:
    file = write(tmp_path / "f.csv", content.replace(' "alice"', '"alice"').replace('" , "', '","'), encoding)
    assert "1 rows: 1 applied" in bring(mailtalk, file, "--apply", "--conversation", "hello")
    assert [user for user, *_ in people(cast)] == ["alice"]


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


def test_a_file_without_conversations_needs_the_option(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="--conversation ID"):
        RosterFile(write(tmp_path / "f.csv", "user\nalice\n"))


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
    rows = list(RosterFile(file).rows())
    assert [row.line for row in rows if isinstance(row, Bad)][:8] == [2, 3, 4, 5, 6, 7, 9, 11]
    assert [row.line for row in rows if isinstance(row, Join)] == [10]
    assert isinstance(rows[0], Bad)
    assert rows[0].reason == "access: 'None' is not ReadWrite or Read"


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
    mailtalk: Command, crowd: Cast, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with working(make_settings(database_url=database_url, redis_url=redis_url)):
        assert "3,000 rows: 3,000 applied" in bring(mailtalk, many(tmp_path / "f.csv"))
    assert len(people(crowd)) == MANY


def test_a_second_run_does_nothing_and_tells_the_same(mailtalk: Command, crowd: Cast, tmp_path: Path) -> None:
    file = many(tmp_path / "f.csv")
    first = bring(mailtalk, file, "--apply")
    crowd.leave("u7")
    assert bring(mailtalk, file) == first
    assert log_length(crowd) == MANY + 1
    assert len(people(crowd)) == MANY - 1


def test_again_takes_all_rows_anew(mailtalk: Command, cast: Cast, tmp_path: Path) -> None:
    file = write(tmp_path / "f.csv", HEADER + "hello,alice,,\n")
    bring(mailtalk, file, "--apply")
    cast.leave("alice")
    bring(mailtalk, file, "--apply", "--again")
    assert [user for user, *_ in people(cast)] == ["alice"]


def test_the_same_rows_for_another_conversation_are_another_import(
    mailtalk: Command, cast: Cast, tmp_path: Path
) -> None:
    file = write(tmp_path / "f.csv", "user\nalice\n")
    bring(mailtalk, file, "--apply", "--conversation", "nowhere", code=1)
    assert "1 applied" in bring(mailtalk, file, "--apply", "--conversation", "hello")


@contextmanager
def paused_after_the_second_batch(cast: Cast) -> Iterator[None]:
    """Whoever stores a third batch waits, for ever: so a run is killed exactly there."""
    with cast.database.transaction() as session:
        session.execute(
            text("""
            CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.after_line > 1001 THEN PERFORM pg_advisory_xact_lock(4711); END IF;
                RETURN NEW;
            END $$""")
        )
        session.execute(
            text("CREATE TRIGGER wait BEFORE INSERT ON import_batches FOR EACH ROW EXECUTE FUNCTION wait()")
        )
    with cast.database.engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(4711)"))
        yield
        holder.execute(text("SELECT pg_advisory_unlock(4711)"))
    with cast.database.transaction() as session:
        session.execute(text("DROP TRIGGER wait ON import_batches"))


def test_a_run_that_is_killed_goes_on_where_it_ended(
    mailtalk: Command, crowd: Cast, database_url: str, tmp_path: Path
) -> None:
    file = many(tmp_path / "f.csv")
    arguments = [MAILTALK, "participants", "import", file, "--app", "demo", "--apply"]
    with paused_after_the_second_batch(crowd):
        run = subprocess.Popen(arguments, env=environment(database_url, tmp_path), start_new_session=True)
        while log_length(crowd) < 2_000:
            assert run.poll() is None
            threading.Event().wait(0.02)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        assert log_length(crowd) == 2_000
    assert "3,000 rows: 3,000 applied, 0 rejected, 0 bad" in bring(mailtalk, file, "--apply")
    assert log_length(crowd) == MANY
    assert len(people(crowd)) == MANY
    assert query(crowd, "SELECT count(DISTINCT user_id) FROM changes WHERE status = 'applied'")[0][0] == MANY


def test_two_runs_at_once_take_each_row_once(mailtalk: Command, crowd: Cast, database_url: str, tmp_path: Path) -> None:
    file = many(tmp_path / "f.csv")
    arguments = [MAILTALK, "participants", "import", file, "--app", "demo", "--apply"]
    runs = [
        subprocess.Popen(arguments, env=environment(database_url, tmp_path), stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for run in runs:
        told, _ = run.communicate(timeout=60)
        assert "3,000 rows: 3,000 applied" in told
    assert log_length(crowd) == MANY


def test_progress_is_of_one_app_and_one_content(crowd: Cast, mailtalk: Command, tmp_path: Path) -> None:
    file = many(tmp_path / "f.csv")
    bring(mailtalk, file, "--apply")
    with crowd.database.transaction() as session:
        assert imports.last_line(session, Source("demo", RosterFile(file).hash)) == MANY + 1
        assert imports.last_line(session, Source("other", RosterFile(file).hash)) == 0
