"""History of the queues: how much arrived and was done in equal spans of time, from the rows themselves."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk.db import sql
from mailtalk.support.queue_rows import ROWS
from mailtalk.vocabulary import QueueName

MOST = 100_000  # rows that are counted; beyond, the oldest spans are lower bounds
_COUNTS = """SELECT date_bin(CAST(:step AS interval), at, CAST(:hour AS timestamptz)) AS span, count(*)
    FROM ({times}) AS t WHERE at > :hour AND at <= :now GROUP BY 1"""


class QueueHistory(NamedTuple):
    """Numbers of items in each span, the oldest first."""

    arrived: Sequence[int]
    done: Sequence[int]

    @property
    def is_complete(self) -> bool:
        """False if there were more than are counted: then the oldest spans are lower bounds."""
        return max(sum(self.arrived), sum(self.done)) < MOST


def read(session: Session, now: datetime, period: timedelta, spans: int) -> Mapping[QueueName, QueueHistory]:
    """History of each queue over the last period, in so many spans."""
    return {name: _history(session, now, period, spans, name) for name in QueueName}


def _history(session: Session, now: datetime, period: timedelta, spans: int, name: QueueName) -> QueueHistory:
    values = {"now": now, "hour": now - period, "step": period / spans, "most": MOST}
    rows = ROWS[name]
    return QueueHistory(*(_counts(session, times, values, spans) for times in (rows.arrived, rows.done)))


def _counts(session: Session, times: str, values: Mapping[str, Any], spans: int) -> Sequence[int]:
    rows = session.execute(text(_COUNTS.format(times=sql.fragment(times))), values)
    counts = {(row[0] - values["hour"]) // values["step"]: int(row[1]) for row in rows}
    return [counts.get(span, 0) for span in range(spans)]
