"""Startup check of a process: its keys must be those of its database."""

import logging
from contextlib import closing

from sqlalchemy.exc import ProgrammingError

from cli import datadir
from mailtalk.db import key_check
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.settings.load import PREFIX, Settings, SettingsError

UNDEFINED_TABLE = "42P01"  # the tables are missing, or of an earlier version

log = logging.getLogger(__name__)


def checked_settings() -> Settings:
    """Load the settings of a process. SettingsError if MAILTALK_SECRET_KEY lacks the key that sealed its database."""
    settings = datadir.settings()
    if settings.secret_key is not None:
        _check_keys(settings)
    return settings


def _check_keys(settings: Settings) -> None:
    try:
        with closing(Database(datadir.url_of(settings), pool=1)) as database, database.transaction() as session:
            key_check.verify(session, datadir.keyring(settings))
    except key_check.MissingKey as error:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY is not this database's: {error}. Put the missing key back; to replace a key, start "
            f"once with {PREFIX}SECRET_KEY=new,old."
        ) from None
    except Unavailable as error:
        log.warning("%sSECRET_KEY is not checked: %s", PREFIX, error)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != UNDEFINED_TABLE:
            raise
