"""Data directory of `mailtalk up`: URLs, keys and secrets, readable by its owner only, found by other commands."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click
from pydantic import SecretStr

from mailtalk.keys import Keyring
from mailtalk.settings.load import PREFIX, Settings, SettingsError, load

KEPT = ("database_url", "redis_url", "secret_key")


class CannotStart(click.ClickException):
    """Error of the environment that prevents the start. The text says why, and what to do."""

    exit_code = 2


def settings(*needed: str) -> Settings:
    """Load settings; those named (default: all of KEPT) also from the data directory of `mailtalk up`."""
    return resolve(load(), *(needed or KEPT))


def resolve(settings: Settings, *needed: str) -> Settings:
    """Complete needed settings that are not set from the data directory."""
    if "secret_key" in needed:
        require_key(settings)
    kept = {name: SecretStr(_read(settings, name)) for name in needed if name in unset(settings)}
    if "database_url" in kept:
        _require_running(settings, kept["database_url"].get_secret_value())
    return settings.model_copy(update=kept)


def require_key(settings: Settings) -> None:
    """Require SECRET_KEY when DATABASE_URL is set: else the key would be lost with the data directory."""
    if settings.database_url is not None and settings.secret_key is None:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY: required when {PREFIX}DATABASE_URL is set; make one with: openssl rand -hex 32"
        )


def unset(settings: Settings) -> list[str]:
    """Name the settings that `mailtalk up` provides itself."""
    return [name for name in KEPT if getattr(settings, name) is None]


def environment(settings: Settings) -> dict[str, str]:
    """Environment variables for child processes: names of files, never secrets."""
    directory = settings.data_dir.absolute()
    return {f"{PREFIX}{name.upper()}_FILE": str(directory / name) for name in unset(settings)}


def url_of(settings: Settings) -> str:
    """Database URL of resolved settings."""
    return settings.database_url.get_secret_value() if settings.database_url else ""


def keyring(settings: Settings) -> Keyring:
    """Keys derived from the secret key of resolved settings."""
    return Keyring.from_setting(settings.secret_key.get_secret_value() if settings.secret_key else "")


def make(directory: Path) -> Path:
    """Make a private directory; as root, others may traverse it, since PostgreSQL runs as another user."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
    return directory.absolute()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Lock the data directory against a second `mailtalk up`."""
    lock = directory / "lock"
    lock.touch(mode=0o600)
    with lock.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStart(f"`mailtalk up` already runs in {directory} (process {file.read()})") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def kept(path: Path) -> str:
    """Read the secret in a file, generated at the first use."""
    if not path.exists():
        write(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii").strip()


def write(path: Path, text: str) -> None:
    """Write a private file atomically and durably."""
    new = path.with_name(f"{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123 - Path.open takes no mode bits
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _read(settings: Settings, name: str) -> str:
    try:
        return (settings.data_dir / name).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        directory = settings.data_dir.absolute()
        raise SettingsError(
            f"no {PREFIX}{name.upper()}, and no embedded server was started in {directory}: "
            "run `mailtalk up` or set it (see also: mailtalk --help)"
        ) from None


def _require_running(settings: Settings, url: str) -> None:
    parts = urlsplit(url)
    try:
        socket.create_connection((str(parts.hostname), parts.port or 0), timeout=5).close()
    except OSError:
        raise SettingsError(
            f"the embedded PostgreSQL of {settings.data_dir.absolute()} does not run: "
            f"run `mailtalk up`, or set {PREFIX}DATABASE_URL"
        ) from None
