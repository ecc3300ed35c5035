"""Write probe: one row that is written to learn whether the database still takes writes."""

import os

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailtalk.models import WriteProbe

_ROW, _FILLER = 1, 4_096


def write(session: Session) -> None:
    """Write the row. A database that is full or read-only raises."""
    values = {"at": func.now(), "filler": os.urandom(_FILLER)}
    row = insert(WriteProbe).values(id=_ROW, **values)
    session.execute(row.on_conflict_do_update(index_elements=[WriteProbe.id], set_=values))
