"""Version of PostgreSQL, and its settings that break a promise: what was acknowledged could be lost."""

from sqlalchemy import text
from sqlalchemy.orm import Session

OLDEST = 140_000  # server_version_num of the oldest that is supported
BROKEN = {
    "fsync": "a crash of the machine can lose or damage everything",
    "synchronous_commit": "a crash of the server can lose what was answered 200, 202 or 250",
    "full_page_writes": "a crash of the machine can damage pages for good",
}
_VERSION = text("""
    SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS name""")
_OFF = text("SELECT name FROM pg_settings WHERE name = ANY(:names) AND setting = 'off' ORDER BY name")


def unsafe(session: Session) -> list[str]:
    """A sentence for each such setting that is off."""
    names = session.scalars(_OFF, {"names": list(BROKEN)})
    return [f"PostgreSQL's {name} is off: {BROKEN[name]}; set it to on" for name in names]


def outdated(session: Session) -> list[str]:
    """A sentence if the server is older than those that are supported."""
    version = session.execute(_VERSION).one()
    if version.number >= OLDEST:
        return []
    return [f"PostgreSQL {version.name} is older than {OLDEST // 10_000}, the oldest that is supported; upgrade it"]
