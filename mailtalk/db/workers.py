"""Workers that live: each has a row, and beats in it."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.models import Worker

FRESH = "10 seconds"
LOCK = 0x4D54  # class of the advisory locks that are workers' lives


def of_the_dead(table: str, held: str) -> str:
    """SQL: the row's worker does not live any more; `held` tells which rows of the table workers have in hand."""
    # OFFSET 0 keeps the workers apart from the rows: each lock is tried once.
    return f"""worker_id IN (
        SELECT worker_id FROM (SELECT DISTINCT worker_id FROM {table} WHERE {held} OFFSET 0) AS held
        WHERE pg_try_advisory_xact_lock({LOCK}, CAST(worker_id AS integer)))"""  # noqa: S608  ours


def beating(session: Session, host: str = "") -> str | None:
    """The name of a worker whose heartbeat is fresh, on this host or any; None when there is none."""
    fresh = select(Worker.name).where(Worker.beat_at > text(f"now() - interval '{FRESH}'"))
    if host:
        fresh = fresh.where(Worker.name.startswith(f"{host}/", autoescape=True))
    return session.scalar(fresh.limit(1))
