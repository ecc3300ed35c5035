"""A wrong MAILTALK_SECRET_KEY is told by a sealed row before anything is refused or failed by it."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.servers import make_settings
from support.sql import column

from mailtalk.db import key_check
from mailtalk.db.database import Database
from mailtalk.keys import Key, Keyring

OLD, NEW, OTHER = "o" * 32, "n" * 32, "x" * 32
MAILTALK = str(Path(sys.executable).with_name("mailtalk"))


def verify(database: Database, secret_key: str) -> None:
    with database.transaction() as session:
        key_check.verify(session, Keyring.from_setting(secret_key))


def test_the_first_start_decides_and_the_same_key_goes_on(database: Database) -> None:
    for _ in range(2):
        verify(database, OLD)
    assert column(database, "SELECT id FROM key_checks") == [1]


def test_another_key_is_refused_and_both_are_named(database: Database) -> None:
    verify(database, OLD)
    with pytest.raises(key_check.MissingKey) as caught:
        verify(database, OTHER)
    assert f"key {Key(OLD.encode()).id:08x} is missing" in str(caught.value)
    assert f"{Key(OTHER.encode()).id:08x}" in str(caught.value)
    assert OLD not in str(caught.value) + repr(caught.value)


def test_a_key_is_replaced_by_one_start_with_both(database: Database) -> None:
    verify(database, OLD)
    verify(database, f"{NEW},{OLD}")
    verify(database, NEW)
    with pytest.raises(key_check.MissingKey):
        verify(database, OLD)


@pytest.mark.parametrize("process", ["api", "worker", "bridge"])
def test_a_process_with_a_wrong_key_does_not_start(
    database: Database, database_url: str, redis_url: str, process: str
) -> None:
    verify(database, OLD)
    settings = make_settings(database_url=database_url, redis_url=redis_url)
    environment = {f"MAILTALK_{name.upper()}": settings.require(name) for name in ("database_url", "redis_url")}
    environment |= {"MAILTALK_SECRET_KEY": OTHER, "MAILTALK_API_PORT": str(settings.api_port)}
    environment |= {"MAILTALK_SMTP_PORT": str(settings.smtp_port)}
    ended = subprocess.run(
        [MAILTALK, process], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert f"key {Key(OLD.encode()).id:08x} is missing" in ended.stderr
    assert "MAILTALK_SECRET_KEY=new,old" in ended.stderr
    assert OTHER not in ended.stderr
