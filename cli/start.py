"""Startup checks of a process: its settings, its keys, and the servers that it depends on."""

import logging
import os
from collections.abc import Iterator
from contextlib import closing

import redis
from sqlalchemy.exc import ArgumentError, ProgrammingError
from sqlalchemy.orm import Session

from cli import datadir, extras, logs
from cli.processes import SUPERVISED
from mailtalk import sealed_mail
from mailtalk.db import key_check, server_settings, workers
from mailtalk.db.database import Database, sqlstate
from mailtalk.errors import Unavailable
from mailtalk.mail import domains
from mailtalk.settings.load import PREFIX, Settings, SettingsError, unknown

UNDEFINED_TABLE = "42P01"
OLDEST_BROKER = (6, 2)  # of Redis; Valkey says that it is 7.2
EVICTING = "allkeys-"  # policies that also drop the queue of tasks

log = logging.getLogger(__name__)


def checked_settings() -> Settings:
    """Load the settings of a process. SettingsError for what keeps it from working; the rest is logged as a warning.

    A supervisor checks for its children.
    """
    settings = datadir.settings()
    logs.setup(settings)
    if SUPERVISED not in os.environ:
        check(settings)
    return settings


def keep_readable(settings: Settings) -> None:
    """Store mails as workers of the first version read them while any lives, or while the database is away."""
    try:
        with closing(Database(datadir.url_of(settings), pool=1)) as database, database.transaction() as session:
            is_plain = workers.are_old(session)
    except Unavailable:
        is_plain = True
    if is_plain:
        sealed_mail.PLAIN.set()
        log.warning("workers of the first version may run: this process stores mails uncompressed until it restarts")


def check(settings: Settings) -> None:
    """Check settings, database and broker, and log the warnings. SettingsError as `warnings`."""
    for warning in warnings(settings):
        log.warning("%s", warning)


def warnings(settings: Settings) -> list[str]:
    """What endangers a promise, a sentence each. SettingsError if a key is missing, or a URL cannot be used."""
    extras.check(settings)
    return [*unknown(), *_settings(settings), *_database(settings), *_broker(settings)]


def _settings(settings: Settings) -> Iterator[str]:
    domain = settings.reply_domain
    if domains.is_apex(domain):
        yield (
            f"{PREFIX}REPLY_DOMAIN = {domain!r} is a whole domain: whoever has an inbound address could pass "
            f"for a member of it elsewhere; use a subdomain that serves nothing else, such as reply.{domain}"
        )


def _database(settings: Settings) -> list[str]:
    try:
        database = Database(datadir.url_of(settings), pool=1)
    except ArgumentError:
        raise SettingsError(f"{PREFIX}DATABASE_URL cannot be read; write postgresql://user:password@host/db") from None
    try:
        with closing(database), database.transaction() as session:
            own = (*server_settings.outdated(session), *server_settings.unsafe(session))
            return [*_keys(session, settings), *own]
    except Unavailable as error:
        return [f"{PREFIX}SECRET_KEY and PostgreSQL's settings are not checked: {error}"]
    except ProgrammingError as error:
        if sqlstate(error) != UNDEFINED_TABLE:
            raise
        raise SettingsError("the tables are missing or of another version; run: mailtalk migrate") from None


def _keys(session: Session, settings: Settings) -> list[str]:
    try:
        key_check.verify(session, datadir.keyring(settings))
    except key_check.MissingKey as error:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY is not this database's: {error}. Put the missing key back; to replace a key, start "
            f"once with {PREFIX}SECRET_KEY=new,old."
        ) from None
    return []


def _broker(settings: Settings) -> list[str]:
    try:
        client = redis.Redis.from_url(settings.require("redis_url"), socket_timeout=1, socket_connect_timeout=1)
    except ValueError:
        raise SettingsError(f"{PREFIX}REDIS_URL cannot be read; write redis://host:6379/0") from None
    try:
        with client:
            return [*_old_broker(client), *_evicting(client)]
    except redis.RedisError:
        return []  # away, or a service that does not show its settings


def _old_broker(client: "redis.Redis") -> Iterator[str]:
    """Compare the version; Valkey names the Redis that it is compatible with, too."""
    version = str(client.info("server").get("redis_version", ""))
    numbers = tuple(int(number) for number in version.split(".")[:2] if number.isdecimal())
    if numbers and numbers < OLDEST_BROKER:
        oldest = ".".join(map(str, OLDEST_BROKER))
        yield f"the broker, {version}, is older than Redis {oldest}, the oldest that is supported; upgrade it"


def _evicting(client: "redis.Redis") -> Iterator[str]:
    policy = str(client.config_get("maxmemory-policy").get("maxmemory-policy", ""))
    if policy.startswith(EVICTING):
        yield f"the broker's maxmemory-policy is {policy}: when full, it drops tasks and work waits; set noeviction"
