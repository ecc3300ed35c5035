import os
import shlex
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from cli.datadir import CannotStart
from cli.local.embedded import Postgres, Valkey
from cli.processes import SUPERVISED

QUICK = {"fsync": "off"}


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path / "postgres", options=QUICK)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def pid_of(server: Postgres | Valkey) -> int:
    assert server.program.process
    return server.program.process.pid


def keep_a_row(server: Postgres) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'still here' AS text")


def kept_row(server: Postgres) -> object:
    with psycopg.connect(server.url) as connection:
        return connection.execute("SELECT text FROM kept").fetchone()


def test_postgres_keeps_its_data_over_a_kill_9_and_its_port(postgres: Postgres) -> None:
    keep_a_row(postgres)
    os.kill(pid_of(postgres), signal.SIGKILL)
    postgres.program.wait(10)
    again = Postgres(postgres.directory, options=QUICK)
    again.start()
    try:
        assert kept_row(again) == ("still here",)
        assert again.url == postgres.url
    finally:
        again.stop()


def test_a_server_left_running_by_an_earlier_run_is_ended_first(postgres: Postgres) -> None:
    keep_a_row(postgres)
    again = Postgres(postgres.directory, options=QUICK)
    again.start()
    try:
        assert postgres.program.wait(10)
        assert kept_row(again) == ("still here",)
    finally:
        again.stop()


def test_our_role_is_no_superuser_but_makes_databases(postgres: Postgres) -> None:
    query = "SELECT rolsuper, rolcreatedb, current_setting('server_version_num')::int / 10000 FROM pg_roles"
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute(f"{query} WHERE rolname = current_user").fetchone() == (False, True, 18)


@pytest.mark.parametrize(("user", "password"), [("mailtalk", "wrong"), ("postgres", "wrong"), ("postgres", "")])
def test_nobody_else_gets_in(user: str, password: str, postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url, user=user, password=password)


def test_there_is_no_trust_and_no_socket_in_the_file_system(postgres: Postgres) -> None:
    assert (postgres.data / "pg_hba.conf").read_text() == "host all mailtalk 127.0.0.1/32 scram-sha-256\n"
    connections = psutil.Process(pid_of(postgres)).net_connections("all")
    assert {each.laddr for each in connections if each.status == psutil.CONN_LISTEN} == {("127.0.0.1", postgres.port)}
    assert not [each.laddr for each in connections if each.family == socket.AF_UNIX and each.laddr]


def test_everything_is_private(postgres: Postgres, valkey: Valkey) -> None:
    for server in (postgres, valkey):
        for path in (server.directory, *server.directory.rglob("*")):
            assert path.lstat().st_mode & 0o066 == 0, path


def test_no_password_shows_in_ps(postgres: Postgres, valkey: Valkey) -> None:
    for server in (postgres, valkey):
        process = psutil.Process(pid_of(server))
        assert server.password not in shlex.join(process.cmdline())
        assert set(process.environ()) <= {"PATH", "LC_ALL", SUPERVISED}


def test_a_first_start_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    server = Postgres(tmp_path, options=QUICK)
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")
    server.start()
    server.stop()
    assert not (tmp_path / "data.new").exists()


def test_a_port_that_is_taken_by_another_is_left_to_it(valkey: Valkey) -> None:
    valkey.stop()
    with socket.create_server(("127.0.0.1", valkey.port)):
        other = Valkey(valkey.directory)
        other.start()
    try:
        assert other.port != valkey.port
        assert redis_answers(other.url)
    finally:
        other.stop()


def test_what_does_not_start_shows_why(tmp_path: Path) -> None:
    server = Postgres(tmp_path, options={"shared_buffers": "plenty"})
    with pytest.raises(CannotStart, match=r"PostgreSQL did not start(.|\n)*shared_buffers"):
        server.start()


def test_what_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    with pytest.raises(CannotStart, match="Valkey was not ready within 0 s"):
        server.start(within=0)
    assert server.program.ended


def test_valkey_wants_its_password_and_drops_nothing(valkey: Valkey) -> None:
    with redis.Redis(port=valkey.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def redis_answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())
