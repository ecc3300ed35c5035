"""Deletion of an app with all that it has: first its credential, then its rows in batches, then the app itself."""

import secrets
from collections.abc import Sequence

from sqlalchemy import CursorResult, Table, delete, text
from sqlalchemy.orm import Session

from mailtalk.conversations import apps
from mailtalk.keys import Keyring
from mailtalk.models import App, Base, Event

BATCH = 5_000  # rows deleted in one transaction


def revoke(session: Session, keyring: Keyring, app_id: str) -> None:
    """Refuse the app's requests within seconds; NotFound if there is no such app."""
    apps.rotate_secret(session, keyring, app_id, secrets.token_urlsafe(32))


def delete_rows(session: Session, app_id: str) -> int:
    """Delete a batch of the app's rows; returns the number: call again after the commit until it is 0."""
    for table in _tables():
        if number := _delete_some(session, table, app_id):
            return number
    return 0


def finish(session: Session, app_id: str) -> None:
    """Delete the app, and the few rows that were made while its rows were deleted."""
    session.get(App, app_id, with_for_update=True)  # no user or conversation can be made any more
    while delete_rows(session, app_id):
        pass
    session.execute(delete(App).where(App.id == app_id))


def _tables() -> Sequence[Table]:
    """Tables with rows of apps, those that refer to others first; events after what makes them."""
    tables = [table for table in reversed(Base.metadata.sorted_tables) if "app_id" in table.c]
    return sorted(tables, key=lambda table: table is Event.__table__)


def _delete_some(session: Session, table: Table, app_id: str) -> int:
    if table.name == "inbound_mails":
        return _delete_mails(session, app_id)
    some = f"SELECT ctid FROM {table.name} WHERE app_id = :app LIMIT :most"  # noqa: S608  our names
    return _count(session, f"DELETE FROM {table.name} WHERE ctid = ANY(ARRAY({some}))", app_id)  # noqa: S608  ours


def _delete_mails(session: Session, app_id: str) -> int:
    """Delete inbound mails, and their raw mails unless another app's recipient got the same."""
    number = """
        WITH gone AS (
            DELETE FROM inbound_mails WHERE id = ANY(ARRAY(
                SELECT id FROM inbound_mails WHERE app_id = :app ORDER BY id LIMIT :most)) RETURNING raw_id),
        raw AS (
            DELETE FROM raw_mails r USING gone WHERE r.id = gone.raw_id AND NOT EXISTS (
                SELECT 1 FROM inbound_mails m WHERE m.raw_id = r.id AND m.app_id IS DISTINCT FROM :app))
        SELECT 1 FROM gone"""
    return _count(session, number, app_id)


def _count(session: Session, statement: str, app_id: str) -> int:
    result = session.execute(text(statement), {"app": app_id, "most": BATCH})
    assert isinstance(result, CursorResult)  # noqa: S101  what text statements give
    return result.rowcount
