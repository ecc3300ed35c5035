"""`mailtalk held`: mails that may or may not have been sent, held until an operator decides."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import click
from sqlalchemy.orm import Session

from cli import connect, printing, reports
from cli.options import app_option, json_option, limit_option
from mailtalk import clock
from mailtalk.support import deliveries as support_deliveries
from mailtalk.support.deliveries import DeliveryFilter
from mailtalk.vocabulary import Stage

COLUMNS = {"id": "id", "user": "userId", "conversation": "conversationId", "made": "createdAt", "reply": "reply"}

id_option = click.option("--id", "delivery_id", type=click.UUID, help="Only this mail; without it, all of the app.")


@click.group()
def held() -> None:
    """Decide on mails that may or may not have been sent (MAILTALK_UNKNOWN=hold)."""


@held.command(name="list")
@app_option
@limit_option
@json_option
def list_held(app_id: str, limit: int, *, as_json: bool) -> None:
    """List held mails, newest first."""
    with connect.transaction() as session:
        rows = [reports.DeliveryReport.of(row) for row in support_deliveries.page(session, _held(app_id), limit=limit)]
    printing.listing(COLUMNS, rows, "No mail is held.", as_json=as_json)


@held.command()
@app_option
@id_option
def send(app_id: str, delivery_id: UUID | None) -> None:
    """Send held mails again: same bytes, same Message-ID."""
    click.echo(f"Held mails to be sent again: {_decide(support_deliveries.retry, app_id, delivery_id):,}.")


@held.command()
@app_option
@id_option
def drop(app_id: str, delivery_id: UUID | None) -> None:
    """Drop held mails: they are never sent again."""
    click.echo(f"Held mails dropped: {_decide(support_deliveries.cancel, app_id, delivery_id):,}.")


def _decide(verb: Callable[[Session, datetime, DeliveryFilter], int], app_id: str, delivery_id: UUID | None) -> int:
    with connect.transaction() as session:
        return verb(session, clock.now(), _held(app_id, delivery_id))


def _held(app_id: str, delivery_id: UUID | None = None) -> DeliveryFilter:
    return DeliveryFilter(app_id, [Stage.HELD], ids=[delivery_id] if delivery_id else ())
