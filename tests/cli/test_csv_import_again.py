import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from support.cast import Cast
from support.command_line import MAILTALK, Command, command, environment
from support.csv_import import HEADER, MANY, bring, invite, log_length, many, people, query, write

from cli.csv_import.file import ParticipantsFile
from mailtalk.changes import imports
from mailtalk.changes.imports import Source


@pytest.fixture
def mailtalk(database_url: str, tmp_path: Path) -> Command:
    return command(database_url, tmp_path)


@pytest.fixture
def crowd(cast: Cast) -> Cast:
    return invite(cast)


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
        assert imports.last_line(session, Source("demo", ParticipantsFile(file).hash)) == MANY + 1
        assert imports.last_line(session, Source("other", ParticipantsFile(file).hash)) == 0
