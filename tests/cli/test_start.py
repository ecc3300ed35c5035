"""Starts of processes: what keeps one from starting is a line and exit code 2; what endangers it is a warning."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from support.api_process import ApiProcess
from support.command_line import MAILTALK
from support.server_process import environment
from support.servers import free_port, make_settings
from support.sql import rows

from cli import start
from mailtalk.db.database import Database
from mailtalk.mail import domains
from mailtalk.settings.load import Settings, SettingsError


def ended(process: str, **settings: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, MAILTALK, process],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_the_api_ends_when_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = ended("api", api_port=port)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"MAILTALK_API_PORT = {port}, MAILTALK_API_HOST = '127.0.0.1': ")
    assert done.stderr.splitlines()[-1].endswith("Stop what listens there, or set another one")
    assert "Traceback" not in done.stderr
    assert "serving" not in done.stderr


@pytest.mark.parametrize(
    "settings",
    [
        {"api_host": "192.0.2.1"},  # not an address of this machine
        {"api_host": "no-such-host.invalid"},
        {"redis_url": "redis://127.0.0.1:port"},
        {"redis_url": "redis://127.0.0.1:6379/?socket_timeout=soon"},
        {"database_url": "postgresql://h:p@[::1"},
    ],
)
def test_what_keeps_the_api_from_starting_is_a_line_and_exit_2(settings: dict[str, Any]) -> None:
    done = ended("api", **settings)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("MAILTALK_")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("process", ["api", "worker", "bridge"])
def test_a_database_without_tables_is_a_line_and_exit_2(database: Database, settings: Settings, process: str) -> None:
    rows(database, "DROP TABLE key_checks")
    done = ended(process, database_url=settings.require("database_url"), smtp_port=free_port())
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "the tables are missing or of another version; run: mailtalk migrate"


def test_sigterm_ends_the_api_with_0(tmp_path: Path) -> None:
    with ApiProcess(tmp_path / "log") as api:
        api.process.send_signal(signal.SIGTERM)
        assert api.process.wait(30) == 0
        assert "Traceback" not in api.said


def test_settings_of_postgresql_that_break_a_promise_are_told(settings: Settings) -> None:
    told = " ".join(start.warnings(settings))  # the tests' PostgreSQL is fast and unsafe
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert f"PostgreSQL's {name} is off" in told


def test_a_broker_that_drops_tasks_is_told(settings: Settings) -> None:
    with redis.Redis.from_url(settings.require("redis_url")) as client:
        assert not any("maxmemory-policy" in line for line in start.warnings(settings))
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert any("maxmemory-policy is allkeys-lru" in line for line in start.warnings(settings))
        finally:
            client.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize(
    ("domain", "is_apex"),
    [
        ("example.com", True),
        ("reply.example.com", False),
        ("shop.co.uk", True),
        ("reply.shop.co.uk", False),
        ("reply.localhost", False),
        ("mail.internal", False),
    ],
)
def test_a_reply_domain_at_an_apex_is_told(settings: Settings, domain: str, is_apex: bool) -> None:
    assert domains.is_apex(domain) is is_apex
    told = start.warnings(settings.model_copy(update={"reply_domain": domain}))
    assert any(f"reply.{domain}" in line for line in told) is is_apex


def test_an_unknown_variable_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILTALK_SMTP_SESIONS", "1")
    assert "MAILTALK_SMTP_SESIONS is not a setting; did you mean MAILTALK_SMTP_SESSIONS?" in start.warnings(settings)


def test_a_database_that_is_away_is_told_and_does_not_keep_a_process_from_starting() -> None:
    away = make_settings(database_url="postgresql://127.0.0.1:1/none", redis_url="redis://127.0.0.1:1")
    assert any("are not checked: PostgreSQL does not answer" in line for line in start.warnings(away))


def test_a_url_that_cannot_be_read_names_its_setting() -> None:
    with pytest.raises(SettingsError, match="MAILTALK_REDIS_URL cannot be read"):
        start.check(
            make_settings(database_url="postgresql://127.0.0.1:1/none", redis_url="redis://h/?socket_timeout=x")
        )
