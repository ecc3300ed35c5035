"""`mailtalk deliveries`: outgoing mails, listed, shown, sent again and cancelled."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from sqlalchemy.orm import Session

from cli import connect, printing, reports
from cli.options import Moment, any_app_option, json_option, limit_option, yes_option
from mailtalk import clock
from mailtalk.support import deliveries as support_deliveries
from mailtalk.support.deliveries import CANCELLABLE, RETRIED, DeliveryFilter
from mailtalk.vocabulary import Stage

HELP = """See outgoing mails, and send them again or cancel them.

\b
  mailtalk deliveries list                          the newest mails: stage, attempts, the relay's answer
  mailtalk deliveries list --stage failed --since 2h
  mailtalk deliveries list --address bob@example.com
  mailtalk deliveries show ID                       one of them
  mailtalk deliveries retry ID                      send it again: the same bytes, the same Message-ID
  mailtalk deliveries retry --stage failed --since 2h    all that failed within two hours
  mailtalk deliveries cancel --stage deferred --app my-app

\b
The stage says how far a mail is:
  queued, claimed, sending   waits, is taken by a worker, is being sent
  sent, captured             the relay accepted it; captured: no relay is set (see mailtalk mails)
  deferred                   tried again later, after a temporary refusal
  failed                     refused for good, or given up
  unknown, held              may have been sent, the answer was lost; held ones wait for you
  cancelled                  not sent: the reader left, muted or is suppressed, or by you

A retry checks again: mail that its reader must not get any more is cancelled.
"""
COLUMNS = {
    "id": "id",
    "made": "createdAt",
    "app": "appId",
    "conversation": "conversationId",
    "user": "userId",
    "address": "address",
    "stage": "stage",
    "tries": "attempts",
    "reply": "reply",
}
Verb = Callable[[Session, datetime, DeliveryFilter], int]

stage_option = click.option(
    "--stage", "stages", multiple=True, type=click.Choice(list(map(str, Stage))), help="Only these; may be repeated."
)
since_option = click.option(
    "--since", type=Moment(), metavar="TIME", help="Only those made since: 15m, 2h, 3d, a date."
)
address_option = click.option("--address", metavar="ADDRESS", help="Only mails to this address.")
ids_argument = click.argument("ids", metavar="[ID]...", nargs=-1, type=click.UUID)


@click.group(help=HELP)
def deliveries() -> None:
    """See outgoing mails."""


@deliveries.command(name="list")
@stage_option
@since_option
@address_option
@any_app_option
@limit_option
@click.option("--after", type=click.UUID, metavar="ID", help="Continue after this one, the last of the page before.")
@json_option
def list_deliveries(limit: int, after: UUID | None, *, as_json: bool, **filters: Any) -> None:
    """List outgoing mails, newest first."""
    with connect.transaction() as session:
        page = support_deliveries.page(session, _filter(**filters), limit=limit, after=after)
    printing.listing(COLUMNS, [reports.DeliveryReport.of(row) for row in page], "No such mails.", as_json=as_json)


@deliveries.command()
@click.argument("delivery_id", metavar="ID", type=click.UUID)
@json_option
def show(delivery_id: UUID, *, as_json: bool) -> None:
    """Show one mail, but not its text."""
    with connect.transaction() as session:
        report = reports.DeliveryReport.of(support_deliveries.get(session, delivery_id))
    if as_json:
        printing.print_json(report)
    else:
        printing.fields(report)


@deliveries.command()
@ids_argument
@stage_option
@since_option
@address_option
@any_app_option
@yes_option
def retry(ids: tuple[UUID, ...], *, yes: bool, **filters: Any) -> None:
    """Send mails again that were not sent, or may not have been: those with these ids, or all that the options choose.

    Deferred mails are tried at once; failed, held, unknown and cancelled ones are sent again.
    """
    number = _act(support_deliveries.retry, _filter(ids, **filters), yes, "Send", RETRIED)
    click.echo(f"Mails to be sent again: {number:,}.")


@deliveries.command()
@ids_argument
@stage_option
@since_option
@address_option
@any_app_option
@yes_option
def cancel(ids: tuple[UUID, ...], *, yes: bool, **filters: Any) -> None:
    """Cancel mails that wait to be sent: those with these ids, or all that the options choose.

    A mail that is just being sent is not cancelled.
    """
    number = _act(support_deliveries.cancel, _filter(ids, **filters), yes, "Cancel", CANCELLABLE)
    click.echo(f"Mails cancelled: {number:,}.")


def _filter(ids: tuple[UUID, ...] = (), *, stages: tuple[str, ...], **filters: Any) -> DeliveryFilter:
    return DeliveryFilter(ids=ids, stages=[Stage(stage) for stage in stages], **filters)


def _act(verb: Verb, filters: DeliveryFilter, yes: bool, word: str, allowed: tuple[Stage, ...]) -> int:
    """Act on the chosen mails; asks first if they are not named by their ids."""
    if not (filters.ids or filters.stages or filters.since or filters.address):
        raise click.UsageError("name mails by their ids, or choose them by --stage, --since or --address")
    if refused := set(filters.stages) - set(allowed):
        raise click.UsageError(f"not from the stage {', '.join(sorted(refused))}; only from {', '.join(allowed)}")
    if not (filters.ids or yes):
        click.confirm(f"{word} all mails that these options choose?", abort=True)
    with connect.transaction() as session:
        return verb(session, clock.now(), filters)
