"""Transactions of a process that stops in the middle: its locks are free again, and it may try anew."""

import pytest
from sqlalchemy.orm import Session
from support.cast import Cast
from support.sql import column, rows
from support.waiting import until

from mailtalk.db.database import Database
from mailtalk.errors import Unavailable

LIMIT = "SELECT extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval)"
FROZEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND state = 'idle in transaction'"


def stopped(session: Session, cast: Cast, application: str) -> None:
    """Change a row, and do nothing until the server ends the transaction."""
    connection = session.connection()
    assert connection.exec_driver_sql(LIMIT).scalar_one() == 15
    connection.exec_driver_sql("UPDATE apps SET participant_limit = 1")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '1ms'")
    until(lambda: column(cast.database, FROZEN, name=application) == [0])
    rows(cast.database, "UPDATE apps SET participant_limit = 2")
    connection.exec_driver_sql("SELECT 1")


def test_a_transaction_in_which_nothing_happens_is_ended_and_may_be_tried_again(cast: Cast) -> None:
    database = Database(cast.database.url.render_as_string(hide_password=False))
    with pytest.raises(Unavailable):
        database.drain(lambda session: stopped(session, cast, database.application) or 0)
    with database.transaction() as session:
        assert session.connection().exec_driver_sql("SELECT participant_limit FROM apps").scalars().all() == [2]
    database.close()
