"""`mailtalk app`: the tenants."""

from contextlib import closing

import click

from cli.datadir import key_of, url_of
from mailtalk import apps
from mailtalk.db import Database
from mailtalk.keys import Keyring
from mailtalk.settings import Settings


def create(settings: Settings, name: str, app_id: str | None) -> None:
    """Make an app, and print its id and its secret."""
    keyring = Keyring.from_setting(key_of(settings))
    with closing(Database(url_of(settings))) as database, database.transaction() as session:
        made, secret = apps.create(session, keyring, name, app_id)
    click.echo(f"id      {made}\nsecret  {secret}\n\nThe secret is shown only now: keep it.")
