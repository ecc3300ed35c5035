"""History of the queues: what arrived and what was done falls into the span of its time, the oldest first."""

from datetime import timedelta

from support.cast import Cast
from support.outbox import at
from support.sql import rows

from mailtalk.support import queue_history
from mailtalk.vocabulary import QueueName

CHANGE = """INSERT INTO changes (app_id, conversation_id, user_id, kind, status, requested_at, applied_at)
    VALUES (:app, 'hello', 'bob', 'join', 'applied', :asked, :applied)"""


def test_rows_are_counted_in_the_span_of_their_time(cast: Cast) -> None:
    for asked, applied in ((-3700, -10), (-3599, -3000), (-20, -10), (-15, 5)):
        rows(cast.database, CHANGE, app=cast.app_id, asked=at(asked), applied=at(applied))
    with cast.database.transaction() as session:
        history = queue_history.read(session, at(0), timedelta(hours=1), 4)
    changes = history[QueueName.CHANGES]
    assert (list(changes.arrived), list(changes.done)) == ([1, 0, 0, 2], [1, 0, 0, 2])
    assert changes.is_complete
    assert list(history[QueueName.WEBHOOKS].arrived) == [0, 0, 0, 0]
