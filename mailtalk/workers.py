"""Workers that live: each has a row, and beats in it."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.models import Worker

FRESH = "10 seconds"


def beating(session: Session, host: str = "") -> str | None:
    """The name of a worker whose heartbeat is fresh, on this host or any; None when there is none."""
    fresh = select(Worker.name).where(Worker.beat_at > text(f"now() - interval '{FRESH}'"))
    if host:
        fresh = fresh.where(Worker.name.startswith(f"{host}/", autoescape=True))
    return session.scalar(fresh.limit(1))
