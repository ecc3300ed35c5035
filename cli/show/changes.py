"""`mailtalk changes`: who joined, changed or left a conversation."""

from typing import Any

import click
from sqlalchemy import select

from cli import connect, printing
from mailtalk.conversations import apps, conversations
from mailtalk.models import Change
from mailtalk.settings.load import Settings

CHANGES = {
    "order": "appliedSeq",
    "change": "kind",
    "user": "userId",
    "access": "access",
    "notify": "notify",
    "mute until": "muteUntil",
    "frequency": "frequency",
    "status": "status",
    "error": "errorCode",
    "requested": "requestedAt",
    "applied": "appliedAt",
}


def changes(  # noqa: PLR0913  what the command's options say
    settings: Settings, app_id: str, conversation_id: str, user_id: str | None, limit: int, *, as_json: bool
) -> None:
    """Print the log of a conversation, newest first."""
    query = select(Change).where(Change.app_id == app_id, Change.conversation_id == conversation_id)
    if user_id is not None:
        query = query.where(Change.user_id == user_id)
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        rows = session.scalars(query.order_by(Change.id.desc()).limit(limit)).all()
        if not rows:
            conversations.get(session, app_id, conversation_id)
    found = [_change(row) for row in rows]
    if as_json:
        printing.as_json(found)
    elif found:
        printing.records(CHANGES, found)
    else:
        click.echo("No change yet" + (f" of {user_id!r}." if user_id else "."))


def _change(row: Change) -> dict[str, Any]:
    return {
        "id": f"chg_{row.id}",
        "appliedSeq": row.applied_seq,
        "kind": row.kind,
        "userId": row.user_id,
        "access": row.access,
        "notify": row.notify,
        "muteGiven": row.mute_given,
        "muteUntil": row.mute_until,
        "frequency": row.frequency,
        "status": row.status,
        "errorCode": row.error_code,
        "requestedAt": row.requested_at,
        "appliedAt": row.applied_at,
    }
