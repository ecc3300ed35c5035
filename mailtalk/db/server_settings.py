"""Settings of PostgreSQL that break a promise: what was acknowledged could be lost."""

from sqlalchemy import text
from sqlalchemy.orm import Session

BROKEN = {
    "fsync": "a crash of the machine can lose or damage everything",
    "synchronous_commit": "a crash of the server can lose what was answered 200, 202 or 250",
    "full_page_writes": "a crash of the machine can damage pages for good",
}
_OFF = text("SELECT name FROM pg_settings WHERE name = ANY(:names) AND setting = 'off' ORDER BY name")


def unsafe(session: Session) -> list[str]:
    """A sentence for each such setting that is off."""
    names = session.scalars(_OFF, {"names": list(BROKEN)})
    return [f"PostgreSQL's {name} is off: {BROKEN[name]}; set it to on" for name in names]
