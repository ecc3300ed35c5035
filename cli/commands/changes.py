"""`mailtalk changes`: the log of who joined, changed or left a conversation."""

import click
import msgspec
from sqlalchemy import Select, select

from api.schemas.changes import Change
from cli import connect, printing
from cli.options import app_option, json_option, limit_option
from mailtalk.conversations import apps, conversations
from mailtalk.ids import ConversationKey
from mailtalk.models import Change as ChangeRow

CHANGES = {
    "order": "appliedSeq",
    "change": "kind",
    "user": "userId",
    "access": "access",
    "notify": "notify",
    "mute until": "muteUntil",
    "frequency": "frequency",
    "by": "by",
    "status": "status",
    "error": "errorCode",
    "requested": "requestedAt",
    "applied": "appliedAt",
}


@click.command()
@app_option
@click.argument("conversation_id", metavar="CONVERSATION")
@click.option("--user", "user_id", metavar="ID", help="Only the changes of this user.")
@limit_option
@json_option
def changes(app_id: str, conversation_id: str, user_id: str | None, limit: int, *, as_json: bool) -> None:
    """List a conversation's changes: who joined, changed or left, newest first.

    ORDER is the order in which the changes took effect; pending ones have none yet.
    """
    with connect.transaction() as session:
        apps.found(session, app_id)
        query = _query(app_id, conversation_id, user_id).limit(limit)
        rows = [msgspec.to_builtins(Change.logged(row)) for row in session.scalars(query)]
        if not rows:
            conversations.get(session, ConversationKey(app_id, conversation_id))
    printing.listing(CHANGES, rows, f"No changes yet{f' of {user_id!r}' if user_id else ''}.", as_json=as_json)


def _query(app_id: str, conversation_id: str, user_id: str | None) -> Select[ChangeRow]:
    query = select(ChangeRow).where(ChangeRow.app_id == app_id, ChangeRow.conversation_id == conversation_id)
    if user_id is not None:
        query = query.where(ChangeRow.user_id == user_id)
    return query.order_by(ChangeRow.id.desc())
