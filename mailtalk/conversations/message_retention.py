"""Retention of messages: old ones are deleted with their files in small steps, where a setting says so; no event tells.

The conversations of a batch are locked: nothing is posted to them meanwhile, so it is known whether they are empty.
"""

from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from sqlalchemy import text
from sqlalchemy.orm import Session

from mailtalk import file_uses

PURGED = 2_000  # in one transaction
# The index of ages is a coarse one (BRIN), so the rows are not taken in order of their age.
_OLD = text("""
    SELECT DISTINCT app_id, conversation_id FROM (
        SELECT app_id, conversation_id FROM messages WHERE created_at < :before LIMIT :most) AS old
    ORDER BY app_id, conversation_id""")
_IN = "(app_id, conversation_id) IN (SELECT * FROM unnest(CAST(:apps AS text[]), CAST(:ids AS text[])))"
_OF_THEM = _IN.replace("conversation_id", "id")
_LOCK = text(f"SELECT 1 FROM conversations WHERE {_OF_THEM} ORDER BY app_id, id FOR NO KEY UPDATE")  # noqa: S608  ours
_DELETE = text(f"""
    DELETE FROM messages WHERE (app_id, conversation_id, seq) IN (
        SELECT app_id, conversation_id, seq FROM messages WHERE {_IN} AND created_at < :before LIMIT :most)
    RETURNING app_id, attachment ->> 'fileId' AS file_id""")  # noqa: S608  ours
_NEWEST = text(f"""
    UPDATE conversations c SET last_message_at = NULL
    WHERE {_OF_THEM} AND last_message_at < :before AND NOT EXISTS (
        SELECT 1 FROM messages m WHERE m.app_id = c.app_id AND m.conversation_id = c.id)""")  # noqa: S608  ours


def purge(session: Session, now: datetime, days: float | None) -> int:
    """Delete a batch of messages this many days old, none if it is None; returns the number, 0 if none is left."""
    if days is None:
        return 0
    before = now - timedelta(days=days)
    old = session.execute(_OLD, {"before": before, "most": PURGED}).all()
    if not old:
        return 0
    values = {"apps": [row.app_id for row in old], "ids": [row.conversation_id for row in old], "before": before}
    session.execute(_LOCK, values)
    gone = session.execute(_DELETE, values | {"most": PURGED}).all()
    session.execute(_NEWEST, values)
    files = sorted((row.app_id, row.file_id) for row in gone if row.file_id)
    for app_id, rows in groupby(files, itemgetter(0)):
        file_uses.release(session, app_id, {file_id for _, file_id in rows})
    return len(gone)
