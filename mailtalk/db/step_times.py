"""Start times of the items that a transaction brings a step further, for the latencies that its process measures.

They are noted where the rows are read, and taken after the commit, so that what was rolled back is not measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from mailtalk.vocabulary import QueueName

_NOTED = "step_times"


def note(session: Session, queue: QueueName, since: Iterable[datetime]) -> None:
    """Note the times since which items of a queue waited until this transaction."""
    session.info.setdefault(_NOTED, {}).setdefault(queue, []).extend(since)


def noted(session: Session) -> Mapping[QueueName, Sequence[datetime]]:
    """What a transaction noted, by queue. Call it after the commit."""
    times: Mapping[QueueName, Sequence[datetime]] = session.info.get(_NOTED, {})
    return times
