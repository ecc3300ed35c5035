"""The database server's clock, by which due times are set and compared: those of workers may differ, or jump."""

import time
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk import clock

_NOW = text("SELECT date_trunc('milliseconds', now())")


def now(session: Session) -> datetime:
    """Time of the server at the begin of the transaction, in whole milliseconds as on the wire."""
    moment: datetime = session.execute(_NOW).scalar_one()
    return moment


class ServerClock:
    """The server's clock between two readings: the last reading, continued by the monotonic clock of this machine."""

    def __init__(self) -> None:
        self._reading = clock.now(), time.monotonic()  # until the first one

    def read(self, session: Session) -> datetime:
        """Time of the server, which `now` continues."""
        moment = now(session)
        self._reading = moment, time.monotonic()
        return moment

    def now(self) -> datetime:
        """Estimated time of the server, in whole milliseconds."""
        moment, read_at = self._reading
        return moment + timedelta(milliseconds=int((time.monotonic() - read_at) * 1000))
