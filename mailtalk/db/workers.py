"""Live workers: each has a row with its heartbeat, and holds an advisory lock."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mailtalk.models import Worker

FRESH = "10 seconds"
LOCK = 0x4D54  # class of the advisory locks of live workers


def of_the_dead(table: str, held: str) -> str:
    """SQL condition for rows of dead workers; `held` is the table's condition for claimed rows."""
    # OFFSET 0 keeps the planner from merging workers and rows: each lock is tried once.
    return f"""worker_id IN (
        SELECT worker_id FROM (SELECT DISTINCT worker_id FROM {table} WHERE {held} OFFSET 0) AS held
        WHERE pg_try_advisory_xact_lock({LOCK}, CAST(worker_id AS integer)))"""  # noqa: S608  ours


def beating(session: Session, host: str = "") -> str | None:
    """Name of a worker with a recent heartbeat, on this host or any; None if there is none."""
    fresh = select(Worker.name).where(Worker.beat_at > text(f"now() - interval '{FRESH}'"))
    if host:
        fresh = fresh.where(Worker.name.startswith(f"{host}/", autoescape=True))
    return session.scalar(fresh.limit(1))
