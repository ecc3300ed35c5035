"""Start times of the items that a transaction brings a step further, for the latencies that its process measures.

They are noted where the rows are read, and taken after the commit, so that what was rolled back is not measured.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from mailtalk.vocabulary import QueueName

_NOTED = "step_times"


class StepTime(NamedTuple):
    """An item's queue, and the time from which its wait counts."""

    queue: QueueName
    since: datetime


def note(session: Session, queue: QueueName, since: Iterable[datetime]) -> None:
    """Note the times since which items of a queue waited until this transaction."""
    session.info.setdefault(_NOTED, []).extend(StepTime(queue, at) for at in since)


def noted(session: Session) -> list[StepTime]:
    """What a transaction noted. Call it after the commit."""
    times: list[StepTime] = session.info.get(_NOTED, [])
    return times
