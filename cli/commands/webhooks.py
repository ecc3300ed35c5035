"""`mailtalk webhooks`: an app's webhooks, their deliveries, and replay."""

import re
from collections.abc import Sequence
from datetime import datetime

import click
import msgspec

from api.schemas.webhooks import Webhook, WebhookDelivery
from cli import connect, datadir, printing
from cli.event_test import wait_for_test
from cli.options import IdType, Moment, any_app_option, app_option, json_option, limit_option
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import Invalid
from mailtalk.ids import EVENT
from mailtalk.webhooks import endpoints
from mailtalk.webhooks import log as webhook_log
from mailtalk.webhooks.endpoints import EndpointSpec
from mailtalk.webhooks.log import ReplayRange
from mailtalk.webhooks.ssrf import SsrfGuard

HELP = """Send events to other programs, by signed HTTP requests.

\b
  mailtalk webhooks put main https://example.com/hook --app my-app     prints its secret, only once
  mailtalk webhooks test main --app my-app                             sends a test event, prints the result
  mailtalk webhooks list                                               with status: which of them fail
  mailtalk webhooks log main --app my-app --stage failed               its deliveries, newest first
  mailtalk webhooks replay main --app my-app --from 2h                 sends events again
  mailtalk webhooks resume main --app my-app                           one that was paused or disabled

A webhook that fails for three days is paused: its events are kept until it is resumed. See also docs/webhooks.md.
"""
NONE = "No webhooks yet. Create one: mailtalk webhooks put main https://… --app ID"
COLUMNS = {
    "app": "appId",
    "id": "id",
    "url": "url",
    "events": "events",
    "status": "status",
    "failing since": "failingSince",
    "reason": "reason",
}
LOG = {
    "delivery": "id",
    "event": "eventId",
    "type": "type",
    "conversation": "conversationId",
    "seq": "sequence",
    "stage": "stage",
    "tries": "attempts",
    "status": "status",
    "tried": "triedAt",
    "next try": "nextTryAt",
    "reply": "reply",
}

webhook_argument = click.argument("webhook_id", metavar="WEBHOOK")


@click.group(help=HELP)
def webhooks() -> None:
    """Send events to other programs."""


@webhooks.command(name="list")
@any_app_option
@json_option
def list_webhooks(app_id: str | None, *, as_json: bool) -> None:
    """List webhooks with their status; never their secrets."""
    with connect.transaction() as session:
        rows = [
            {"appId": row.app_id} | msgspec.to_builtins(Webhook.of(row)) for row in endpoints.listed(session, app_id)
        ]
    if not as_json:
        rows = [row | {"events": ", ".join(row["events"] or ["all"])} for row in rows]
    printing.listing(COLUMNS, rows, NONE, as_json=as_json)


@webhooks.command()
@webhook_argument
@click.argument("url", metavar="URL")
@app_option
@click.option("--event", "events", multiple=True, metavar="TYPE", help="Only these events; may be given several times.")
@click.option("--ordered", is_flag=True, help="A failing event holds back its conversation until it is taken.")
def put(webhook_id: str, url: str, app_id: str, events: tuple[str, ...], *, ordered: bool) -> None:
    """Create or change a webhook; a new one's secret is printed, only once."""
    put_webhook(app_id, webhook_id, EndpointSpec(url, events or None, ordered=ordered))


def put_webhook(app_id: str, webhook_id: str, spec: EndpointSpec) -> None:
    """Create or change a webhook, and print a new secret."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", webhook_id):
        raise Invalid({"id": ["must be 1 to 64 letters, digits, _ and -"]})
    settings = datadir.settings("database_url", "secret_key")
    keyring, guard = datadir.keyring(settings), SsrfGuard(settings.webhook_allow_private)
    with connect.transaction(settings) as session:
        apps.found(session, app_id)
        row, created = endpoints.put(session, keyring, guard, clock.now(), app_id, webhook_id, spec)
        secret = endpoints.secret_of(row, keyring) if created else None
    click.echo(f"webhook {webhook_id} of {app_id}: {spec.url}")
    if secret is not None:
        _print_secret(secret)


@webhooks.command(name="rotate-secret")
@webhook_argument
@app_option
def rotate_secret(webhook_id: str, app_id: str) -> None:
    """Replace a webhook's secret, and print the new one, only once."""
    settings = datadir.settings("database_url", "secret_key")
    keyring = datadir.keyring(settings)
    with connect.transaction(settings) as session:
        row = endpoints.rotate(session, keyring, clock.now(), app_id, webhook_id)
        secret = endpoints.secret_of(row, keyring)
    _print_secret(secret)
    click.echo("For a day the old one signs too, in webhook-signature.")


def _print_secret(secret: str) -> None:
    click.echo(f"secret  {secret}\n\nThe secret is shown only once: keep it.")


@webhooks.command()
@webhook_argument
@app_option
def delete(webhook_id: str, app_id: str) -> None:
    """Delete a webhook and its waiting events."""
    with connect.transaction() as session:
        endpoints.delete(session, clock.now(), app_id, webhook_id)
    click.echo(f"webhook {webhook_id} of {app_id} is deleted")


@webhooks.command()
@webhook_argument
@app_option
def resume(webhook_id: str, app_id: str) -> None:
    """Resume a webhook that was paused or disabled: its waiting events are sent at once."""
    with connect.transaction() as session:
        endpoints.resume(session, clock.now(), endpoints.get(session, app_id, webhook_id))
    click.echo(f"webhook {webhook_id} of {app_id} is resumed")


@webhooks.command()
@webhook_argument
@app_option
@click.option(
    "--stage", type=click.Choice(["queued", "sent", "failed", "cancelled"]), help="Only deliveries in this stage."
)
@limit_option
@json_option
def log(webhook_id: str, app_id: str, stage: str | None, limit: int, *, as_json: bool) -> None:
    """List deliveries of a webhook, newest first, with their results."""
    with connect.transaction() as session:
        row = endpoints.get(session, app_id, webhook_id)
        page = webhook_log.page(session, row, limit, stage=stage)
        rows = [msgspec.to_builtins(WebhookDelivery.of(delivery)) for delivery in page]
    printing.listing(LOG, rows, "No deliveries yet.", as_json=as_json)


@webhooks.command()
@webhook_argument
@app_option
@click.option("--from", "start", type=Moment(), metavar="TIME", help="ISO 8601, or a time ago: 90s, 15m, 2h, 3d.")
@click.option("--to", "end", type=Moment(), metavar="TIME", help="The end, excluded; the same format.")
@click.option(
    "--event", "events", type=IdType(EVENT), multiple=True, metavar="evt_N", help="May be given several times."
)
def replay(webhook_id: str, app_id: str, start: datetime | None, end: datetime | None, events: Sequence[int]) -> None:
    """Send the events of a period, or these events, again."""
    if bool(events) == bool(start or end):
        raise click.UsageError("give --from and --to, or --event")
    with connect.transaction() as session:
        row = endpoints.get(session, app_id, webhook_id)
        count = webhook_log.replay(session, clock.now(), row, ReplayRange(list(events), start, end))
    click.echo(f"Events to be sent again: {count:,}")


@webhooks.command()
@webhook_argument
@app_option
@click.pass_context
def test(ctx: click.Context, webhook_id: str, app_id: str) -> None:
    """Send a test event, and print the result; exit code 0 when it was accepted."""
    with connect.transaction() as session:
        row = endpoints.get(session, app_id, webhook_id)
        event_id = webhook_log.send_test(session, clock.now(), row)
    ctx.exit(0 if wait_for_test(row, event_id) else 1)
