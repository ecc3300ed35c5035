"""`mailtalk channels`: other places for an app's notifications, by Apprise."""

import click

from cli import connect, datadir, printing, reports
from cli.event_test import wait_for_test
from cli.options import any_app_option, app_option, json_option
from mailtalk import clock
from mailtalk.webhooks import channels as webhook_channels
from mailtalk.webhooks import log as webhook_log

HELP = """Send notifications to Slack, Teams, ntfy, SMS and others too.

\b
  mailtalk channels set team slack://TokenA/TokenB/TokenC/#support --app my-app
  mailtalk channels set sms 'twilio://SID:TOKEN@15551230000/{phone}' --app my-app
  mailtalk channels test team --app my-app

URLs are those of Apprise (the extra mailtalk[channels]). {phone}, {email} and {userId} are the recipient's; recipients
without one are left out. URLs are sealed and never shown again.
"""
NONE = "No channels yet. Create one: mailtalk channels set team slack://… --app ID"
COLUMNS = {"app": "appId", "name": "name", "kind": "kind", "status": "status", "reason": "reason"}

name_argument = click.argument("name", metavar="NAME")


@click.group(help=HELP)
def channels() -> None:
    """Send notifications to other places too."""


@channels.command(name="set")
@name_argument
@click.argument("url", metavar="URL")
@app_option
def set_channel(name: str, url: str, app_id: str) -> None:
    """Create or change a channel."""
    settings = datadir.settings("database_url", "secret_key")
    with connect.transaction(settings) as session:
        webhook_channels.put(session, datadir.keyring(settings), clock.now(), app_id, name, url)
    click.echo(f"channel {name} of {app_id} gets every notification")
    click.echo(f"Try it: mailtalk channels test {name} --app {app_id}")


@channels.command(name="list")
@any_app_option
@json_option
def list_channels(app_id: str | None, *, as_json: bool) -> None:
    """List channels with their status; never their URLs."""
    with connect.transaction() as session:
        rows = [reports.ChannelReport.of(row) for row in webhook_channels.listed(session, app_id)]
    printing.listing(COLUMNS, rows, NONE, as_json=as_json)


@channels.command(name="delete")
@name_argument
@app_option
def delete_channel(name: str, app_id: str) -> None:
    """Delete a channel."""
    with connect.transaction() as session:
        webhook_channels.delete(session, clock.now(), app_id, name)
    click.echo(f"channel {name} of {app_id} is deleted")


@channels.command(name="test")
@name_argument
@app_option
@click.pass_context
def test_channel(ctx: click.Context, name: str, app_id: str) -> None:
    """Send a test, and print the result; exit code 0 when it was accepted."""
    with connect.transaction() as session:
        row = webhook_channels.get(session, app_id, name)
        event_id = webhook_log.send_test(session, clock.now(), row)
    ctx.exit(0 if wait_for_test(row, event_id) else 1)
