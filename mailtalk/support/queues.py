"""State of the queues and workers, for operators and metrics: depth, age, rates, oldest item, relays.

Each queue is read by one statement whose cost is bounded: it counts at most MOST rows by an index, however many rows
are done. `more` says that there are more; then depth and age are lower bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.db.workers import FRESH
from mailtalk.models import Worker
from mailtalk.outbound.circuit_breaker import RelayStatus
from mailtalk.support import queue_rows
from mailtalk.vocabulary import QueueName

MOST = 100_000  # rows of a queue that are counted
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """Rate in items per second, over the last minute and the last hour.

    If more than MOST items fall into the hour, it is the rate over the time of the last MOST.
    """

    minute: float
    hour: float


@dataclass(frozen=True, slots=True)
class OldestItem:
    """The item of a queue that has been due for the longest time."""

    id: str
    app_id: str | None
    conversation_id: str | None
    user_id: str | None
    since: datetime  # when it became due
    note: str | None  # the last error, or the stage


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """State of one queue. `depth` counts all waiting items, `due` those that could be worked on now.

    `age` is the time for which the oldest item has been due, zero if none is. Windows have no rates.
    """

    name: QueueName
    depth: int
    due: int
    more: bool
    age: timedelta
    oldest: OldestItem | None
    arrived: Rate | None
    done: Rate | None

    @property
    def age_seconds(self) -> float:
        """The age in seconds."""
        return self.age.total_seconds()


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker process: alive if its heartbeat is fresh; its view of the relays, in order of preference."""

    name: str
    started_at: datetime
    beat_at: datetime
    alive: bool
    relays: Sequence[RelayStatus]


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """State of all queues and workers at one time."""

    at: datetime
    queues: Sequence[QueueStatus]
    workers: Sequence[WorkerStatus]


def read(session: Session, now: datetime) -> SystemStatus:
    """State of all queues and workers."""
    return SystemStatus(now, [_queue(session, now, name) for name in QueueName], workers(session))


def workers(session: Session) -> list[WorkerStatus]:
    """Workers with a row: those alive, and those that died within a day; the longest running first."""
    fresh = (Worker.beat_at > text(f"now() - interval '{FRESH}'")).label("alive")
    rows = session.execute(select(Worker, fresh).order_by(fresh.desc(), Worker.id))
    return [_worker(row, alive=alive) for row, alive in rows]


def _worker(row: Worker, *, alive: bool) -> WorkerStatus:
    relays = msgspec.convert(row.relays or [], list[RelayStatus])
    return WorkerStatus(row.name, row.started_at, row.beat_at, alive, relays)


def _statements() -> Mapping[QueueName, TextClause]:
    parts = {name: rows._asdict() for name, rows in queue_rows.ROWS.items()}
    filled = {name: {part: sql.fragment(source) for part, source in rows.items()} for name, rows in parts.items()}
    return {name: sql.load(__file__, "queue_status", **rows) for name, rows in filled.items()}


_STATEMENTS = _statements()


def _queue(session: Session, now: datetime, name: QueueName) -> QueueStatus:
    values = {"now": now, "minute": now - MINUTE, "hour": now - HOUR, "most": MOST}
    row = session.execute(_STATEMENTS[name], values).one()
    oldest = _oldest(row)
    return QueueStatus(
        name,
        depth=row.depth,
        due=row.due,
        more=row.depth == MOST,
        age=now - oldest.since if oldest else timedelta(0),
        oldest=oldest,
        arrived=_rate(now, name, row.arrived_minute, row.arrived_hour, row.arrived_earliest),
        done=_rate(now, name, row.done_minute, row.done_hour, row.done_earliest),
    )


def _oldest(row: Row[Any]) -> OldestItem | None:
    if row.since is None:
        return None
    return OldestItem(row.id, row.app_id, row.conversation_id, row.user_id, row.since, row.note)


def _rate(now: datetime, name: QueueName, minute: int, hour: int, earliest: datetime | None) -> Rate | None:
    if name is QueueName.WINDOWS:
        return None
    span = now - earliest if hour == MOST and earliest is not None else HOUR
    return Rate(minute / min(MINUTE, span).total_seconds(), hour / span.total_seconds())
