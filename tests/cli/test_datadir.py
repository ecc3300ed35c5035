import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import datadir
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings, SettingsError, load

KEY = "k" * 32


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in os.environ if each.startswith("MAILTALK_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgresql://mailtalk:pw@127.0.0.1:{listener.getsockname()[1]}/mailtalk"
        for name, value in {"database_url": url, "redis_url": "redis://127.0.0.1:1", "secret_key": KEY}.items():
            datadir.write(tmp_path / name, value)
        yield url


def test_what_is_not_set_comes_from_the_data_dir(settings: Settings, running: str) -> None:
    resolved = datadir.resolve(settings, *datadir.KEPT)
    assert datadir.url_of(resolved) == running
    sealed = Keyring.from_setting(KEY).seal(b"hi", "about")
    assert datadir.keyring(resolved).unseal(sealed, "about") == b"hi"


@pytest.mark.usefixtures("running")
def test_what_is_set_wins(tmp_path: Path) -> None:
    own = {"database_url": "postgresql://own", "redis_url": "redis://own", "secret_key": "o" * 32}
    settings = load(data_dir=tmp_path, **own)
    assert datadir.resolve(settings, *datadir.KEPT) == settings


def test_only_what_a_command_needs_is_asked_for() -> None:
    settings = load(database_url="postgresql://own")
    assert datadir.url_of(datadir.resolve(settings, "database_url")) == "postgresql://own"


def test_without_a_database_we_say_how_to_get_one(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"no MAILTALK_DATABASE_URL.* run `mailtalk up` or set it"):
        datadir.resolve(settings, *datadir.KEPT)


def test_a_server_that_does_not_run_is_named(settings: Settings, tmp_path: Path) -> None:
    datadir.write(tmp_path / "database_url", "postgresql://mailtalk:pw@127.0.0.1:1/mailtalk")
    with pytest.raises(SettingsError, match="does not run: run `mailtalk up`"):
        datadir.resolve(settings, "database_url")


def test_a_database_of_ones_own_requires_a_key_of_ones_own(tmp_path: Path) -> None:
    datadir.write(tmp_path / "secret_key", KEY)
    settings = load(data_dir=tmp_path, database_url="postgresql://own", redis_url="redis://own")
    with pytest.raises(SettingsError, match=r"MAILTALK_SECRET_KEY: required .* openssl rand -hex 32"):
        datadir.resolve(settings, *datadir.KEPT)


def test_processes_get_files_for_what_is_not_set(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, redis_url="redis://own")
    assert datadir.environment(settings) == {
        "MAILTALK_DATABASE_URL_FILE": str(tmp_path / "database_url"),
        "MAILTALK_SECRET_KEY_FILE": str(tmp_path / "secret_key"),
    }


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = datadir.kept(path)
    assert len(secret) >= 32
    assert datadir.kept(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_made_directory_is_not_readable_by_others(tmp_path: Path) -> None:
    assert datadir.make(tmp_path / "new" / "data").stat().st_mode & 0o066 == 0


def test_a_data_dir_is_held_once(tmp_path: Path) -> None:
    held = f"already runs .*process {os.getpid()}"
    with datadir.locked(tmp_path), pytest.raises(datadir.CannotStart, match=held), datadir.locked(tmp_path):
        pass
    with datadir.locked(tmp_path):
        pass
