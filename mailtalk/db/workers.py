"""Live workers: each has a row with its heartbeat, and holds an advisory lock. Silent ones lose their sessions.

A worker without a beat is dead, or frozen with its machine. The end of its sessions releases its lock and rolls back
its transactions, so that its claims are released as a dead worker's, and all that it does after it wakes is checked
again.
"""

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from mailtalk.models import Worker

FRESH = "10 seconds"
LOCK = 0x4D54  # class of the advisory locks of live workers

_BEGIN = text("""
    WITH former AS (DELETE FROM workers WHERE id = :former)
    INSERT INTO workers (name, application, started_at, beat_at) VALUES (:name, :application, now(), now())
    RETURNING id""")
_BEAT = text("UPDATE workers SET beat_at = now(), relays = CAST(:relays AS jsonb) WHERE id = :id")
# Compared with our own last beat and not with the clock: after the server itself stood still, nobody was silent.
_END_SILENT = text(f"""
    WITH silent AS (
        DELETE FROM workers w USING workers own
        WHERE own.id = :id AND w.beat_at < own.beat_at - interval '{FRESH}' RETURNING w.name, w.application)
    SELECT s.name FROM silent s JOIN pg_stat_activity a ON a.application_name = s.application
        AND a.datname = current_database() AND a.usename = current_user
    GROUP BY s.name HAVING bool_or(pg_terminate_backend(a.pid))""")  # noqa: S608  ours


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


def are_old(session: Session) -> bool:
    """True if a live worker is of the first version, which names no sessions and reads no compressed mails."""
    fresh = Worker.beat_at > text(f"now() - interval '{FRESH}'")
    return session.scalar(select(Worker.id).where(fresh, Worker.application.is_(None)).limit(1)) is not None


def begin(connection: Connection, name: str, application: str, former: int | None) -> int:
    """Add a worker, whose lock is held by this connection, in place of its former id; returns the new one."""
    values = {"name": name, "application": application, "former": former}
    worker_id = connection.execute(_BEGIN, values).scalar_one()
    connection.execute(text("SELECT pg_advisory_lock(:class, CAST(:id AS integer))"), {"class": LOCK, "id": worker_id})
    return int(worker_id)


def beat(connection: Connection, worker_id: int, relays: str = "[]") -> bool:
    """Record a heartbeat, and the state of the relays as JSON; False if others took this worker for dead."""
    return connection.execute(_BEAT, {"id": worker_id, "relays": relays}).rowcount > 0


def end_silent(connection: Connection, worker_id: int) -> list[str]:
    """End the sessions of workers that were silent while this one beat; returns the names of those that had any."""
    return list(connection.scalars(_END_SILENT, {"id": worker_id}))


def end(connection: Connection, worker_id: int) -> None:
    """Remove a worker that stops."""
    connection.execute(text("DELETE FROM workers WHERE id = :id"), {"id": worker_id})
