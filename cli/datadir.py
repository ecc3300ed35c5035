"""The data dir: what `mailtalk up` keeps between runs, private to its owner, and how other commands find it."""

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

from mailtalk.settings.load import PREFIX, Settings, SettingsError, load

KEPT = ("database_url", "redis_url", "secret_key")


class CannotStart(click.ClickException):
    """Something around us keeps us from starting; the text says what, and what to do."""


def settings(*needed: str) -> Settings:
    """Read the settings of a command that needs these, or all, beside `mailtalk up` or without it."""
    return resolve(load(), *(needed or KEPT))


def resolve(settings: Settings, *needed: str) -> Settings:
    """Fill what is needed and not set from what `mailtalk up` keeps in the data dir, for commands beside it."""
    if "secret_key" in needed:
        require_key(settings)
    found = {name: SecretStr(_read(settings, name)) for name in needed if name in unset(settings)}
    if "database_url" in found:
        _require_running(settings, found["database_url"].get_secret_value())
    return settings.model_copy(update=found)


def require_key(settings: Settings) -> None:
    """Refuse a database of one's own without a key of one's own: a lost data dir would take the key with it."""
    if settings.database_url is not None and settings.secret_key is None:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY: required when {PREFIX}DATABASE_URL is set; make one with: openssl rand -hex 32"
        )


def unset(settings: Settings) -> list[str]:
    """Name what `mailtalk up` has to care for itself."""
    return [name for name in KEPT if getattr(settings, name) is None]


def environment(settings: Settings) -> dict[str, str]:
    """Give what the processes need beside our own environment: the files' names, never the secrets."""
    directory = settings.data_dir.absolute()
    return {f"{PREFIX}{name.upper()}_FILE": str(directory / name) for name in unset(settings)}


def url_of(settings: Settings) -> str:
    """Give the database's URL, of settings that are resolved."""
    return settings.database_url.get_secret_value() if settings.database_url else ""


def key_of(settings: Settings) -> str:
    """Give the secret key, of settings that are resolved."""
    return settings.secret_key.get_secret_value() if settings.secret_key else ""


def make(directory: Path) -> Path:
    """Make a private directory; as root others may pass through, since PostgreSQL runs as another user."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
    return directory.absolute()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the data dir, so that no second `mailtalk up` works in it."""
    lock = directory / "lock"
    lock.touch(mode=0o600)
    with lock.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStart(f"`mailtalk up` runs already in {directory} (process {file.read()})") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def kept(path: Path) -> str:
    """Give the secret in this file, made when first asked for."""
    if not path.exists():
        write(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii").strip()


def write(path: Path, text: str) -> None:
    """Write a file for our eyes only, whole or not at all, also when the machine stops."""
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
