"""`mailtalk suppressions` and `mailtalk held`: what is not sent, and letting it go."""

from typing import Any
from uuid import UUID

import click

from cli import connect, printing
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.models import Delivery, Suppression
from mailtalk.outbound import held, suppressions
from mailtalk.settings.load import Settings

SUPPRESSIONS = {"address": "address", "reason": "reason", "status": "status", "since": "since", "until": "until"}
HELD = {"id": "id", "user": "userId", "conversation": "conversationId", "made": "createdAt", "reply": "reply"}


def suppressed(settings: Settings, app_id: str, limit: int, *, as_json: bool) -> None:
    """Print the suppressed addresses of an app."""
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        rows = [_suppression(row) for row in suppressions.listed(session, clock.now(), app_id, limit)]
    _show(SUPPRESSIONS, rows, "No address is suppressed.", as_json=as_json)


def release(settings: Settings, app_id: str, address: str) -> None:
    """Let mail to an address go again."""
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        if not suppressions.release(session, app_id, [address]):
            raise NotFound({"address": [f"nothing is known against {address!r}"]}, ErrorCode.SUPPRESSION_NOT_FOUND)
    click.echo(f"Mail to {printing.plain(address)} goes again.")


def show_held(settings: Settings, app_id: str, limit: int, *, as_json: bool) -> None:
    """Print the mails of which nobody knows whether they went."""
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        rows = [_held(row) for row in held.listed(session, app_id, limit)]
    _show(HELD, rows, "No mail is held.", as_json=as_json)


def decide(settings: Settings, app_id: str, delivery_id: UUID | None, *, again: bool) -> None:
    """Send held mails again, or never."""
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        count = (held.send if again else held.drop)(session, clock.now(), app_id, delivery_id)
    click.echo(f"{count:,} held mails {'are sent again' if again else 'are never sent again'}.")


def _show(columns: dict[str, str], rows: list[dict[str, Any]], none: str, *, as_json: bool) -> None:
    if as_json:
        printing.as_json(rows)
    elif rows:
        printing.records(columns, rows)
    else:
        click.echo(none)


def _suppression(row: Suppression) -> dict[str, Any]:
    return {
        "address": row.address,
        "reason": row.reason,
        "status": row.status,
        "since": row.scored_at,
        "until": row.until,
    }


def _held(row: Delivery) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "userId": row.user_id,
        "conversationId": row.conversation_id,
        "createdAt": row.created_at,
        "reply": row.reply,
    }
