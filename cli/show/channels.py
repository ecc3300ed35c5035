"""`mailtalk channels`: where else an app's notifications go, by Apprise."""

import click

from cli import connect, datadir, printing
from cli.show.webhooks import awaited
from mailtalk import clock
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings
from mailtalk.webhooks import channels, log

COLUMNS = {"app": "appId", "name": "name", "kind": "kind", "status": "status", "reason": "reason"}


def put(settings: Settings, app_id: str, name: str, url: str) -> None:
    """Set a channel."""
    keyring = Keyring.from_setting(datadir.key_of(settings))
    with connect.transaction(settings) as session:
        channels.put(session, keyring, clock.now(), app_id, name, url)
    click.echo(f"channel {name} of {app_id} is told of every notification; try it: mailtalk channels test")


def listed(settings: Settings, app_id: str | None, *, as_json: bool) -> None:
    """Print the channels, never their URLs."""
    with connect.transaction(settings) as session:
        found = [
            {
                "appId": row.app_id,
                "name": row.id.removeprefix(channels.PREFIX),
                "kind": row.url,
                "status": row.status,
                "reason": row.reason,
            }
            for row in channels.listed(session, app_id)
        ]
    if as_json:
        printing.as_json(found)
    elif found:
        printing.records(COLUMNS, found)
    else:
        click.echo("There is no channel yet: mailtalk channels set team slack://… --app ID")


def delete(settings: Settings, app_id: str, name: str) -> None:
    """Delete a channel."""
    with connect.transaction(settings) as session:
        channels.delete(session, clock.now(), app_id, name)
    click.echo(f"channel {name} of {app_id} is deleted")


def test(settings: Settings, app_id: str, name: str) -> bool:
    """Tell a channel of a test, and print how it went; whether it went well."""
    with connect.transaction(settings) as session:
        row = channels.get(session, app_id, name)
        event_id = log.test(session, clock.now(), row)
    return awaited(settings, row, event_id)
