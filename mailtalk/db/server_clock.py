"""The database server's clock, with which due times are compared: those of workers may differ, or jump."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_NOW = text("SELECT date_trunc('milliseconds', now())")


def now(session: Session) -> datetime:
    """Time of the server at the begin of the transaction, in whole milliseconds as on the wire."""
    moment: datetime = session.execute(_NOW).scalar_one()
    return moment
