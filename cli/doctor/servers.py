"""What runs here: settings, key, database, broker, clock, disk, workers."""

import shutil
from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import text
from sqlalchemy.orm import Session

from cli import datadir, start
from cli.doctor.finding import Finding, error, ok, warning
from mailtalk import clock
from mailtalk.db import server_settings
from mailtalk.db.database import Database
from mailtalk.errors import Unavailable
from mailtalk.settings.load import PREFIX, Settings
from mailtalk.support import advice, queues

SKEW = 2.0  # seconds
LEAST = 1_000_000_000  # free bytes
KNOWN = text("""
    SELECT current_setting('server_version') AS version, current_setting('autovacuum') AS autovacuum,
        clock_timestamp() AS at""")


def check(settings: Settings) -> Iterator[Finding]:
    """Check settings, database, broker, clock, disk and workers."""
    warnings = start.warnings(settings)
    yield from (warning("settings", sentence, "see docs/operations.md") for sentence in warnings)
    if not warnings:
        yield ok("settings", "settings, key, database and broker keep their promises")
    yield _disk(settings)
    try:
        with closing(Database(datadir.url_of(settings), pool=1)) as database, database.transaction() as session:
            yield from _database(session)
            yield from _work(session)
    except Unavailable as trouble:
        yield error("database", str(trouble), f"is it running, and is {PREFIX}DATABASE_URL right?")


def _database(session: Session) -> Iterator[Finding]:
    began = clock.now()
    row = session.execute(KNOWN).one()
    skew = max((began - row.at).total_seconds(), (row.at - clock.now()).total_seconds(), 0.0)
    old = server_settings.outdated(session)
    yield error("database", old[0], "see docs/operations.md") if old else ok("database", f"PostgreSQL {row.version}")
    if row.autovacuum == "off":
        yield warning("database", "autovacuum is off: tables and indexes will bloat", "set autovacuum to on")
    if skew > SKEW:
        yield warning("clock", f"this clock and the database's differ by {skew:.0f} s", "run NTP on both machines")
    else:
        yield ok("clock", "this clock and the database's agree")


def _work(session: Session) -> Iterator[Finding]:
    problems = advice.findings(queues.read(session, clock.now()))
    yield from (error("work", problem, "see: mailtalk status") for problem in problems)
    if not problems:
        yield ok("work", "workers run, and no queue is stuck")


def _disk(settings: Settings) -> Finding:
    directory = next(
        path for path in [settings.data_dir.absolute(), *settings.data_dir.absolute().parents] if path.exists()
    )
    free = shutil.disk_usage(directory).free
    shown = f"{free / 1e9:.1f} GB free in {directory}"
    return ok("disk", shown) if free > LEAST else warning("disk", f"only {shown}", "make room")
