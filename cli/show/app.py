"""`mailtalk app`: the tenants."""

from pathlib import Path
from typing import Any

import click

from cli import connect, datadir, printing
from mailtalk.conversations import apps
from mailtalk.keys import Keyring
from mailtalk.models import App
from mailtalk.settings.load import PREFIX, Settings

HEADER = ("id", "name", "limit", "version", "quiet", "cap", "frequency", "senders", "created")


def create(settings: Settings, name: str, app_id: str | None) -> None:
    """Make an app, and print its id and its secret."""
    with connect.transaction(settings) as session:
        made, secret = apps.create(session, _keyring(settings), name, app_id)
    click.echo(f"id      {made}\nsecret  {secret}\n\nThe secret is shown only now: keep it.")


def listed(settings: Settings, *, as_json: bool) -> None:
    """Print all apps, never their secrets."""
    with connect.transaction(settings) as session:
        found = [_shown(app) for app in apps.listed(session)]
    if as_json:
        printing.as_json(found)
    elif found:
        printing.table(HEADER, [_row(app) for app in found])
        click.echo(f"\nquiet and cap in seconds; default: {PREFIX}QUIET_SECONDS and {PREFIX}CAP_SECONDS count.")
    else:
        click.echo('There is no app yet: mailtalk app create "My app"')


def rotate_secret(settings: Settings, app_id: str) -> None:
    """Give the app a new secret and print it; the old one is refused as soon as no API process remembers it."""
    secret = apps.new_secret()
    kept = _kept_by_up(settings, app_id)
    with connect.transaction(settings) as session:
        apps.rotate_secret(session, _keyring(settings), app_id, secret)
        if kept is not None:  # before the commit: `mailtalk up` must never give the old one back
            datadir.write(kept, secret)
    click.echo(f"secret  {secret}\n\nThe secret is shown only now: keep it. The old one is refused within seconds.")


def alter(settings: Settings, app_id: str, fields: dict[str, Any]) -> None:
    """Set columns of an app, and print it as it is now."""
    with connect.transaction(settings) as session:
        apps.put(session, app_id, fields)
        app = _shown(apps.found(session, app_id))
    printing.table(HEADER, [_row(app)])


def _kept_by_up(settings: Settings, app_id: str) -> Path | None:
    """Find the file from which `mailtalk up` gives its own app a secret at every start."""
    if app_id != settings.app_id:
        return None
    if settings.app_secret is not None:
        raise click.ClickException(
            f"{PREFIX}APP_SECRET is the secret of this app: set it to a new one and start `mailtalk up` again"
        )
    path = settings.data_dir / "app_secret"
    return path if path.exists() else None


def _keyring(settings: Settings) -> Keyring:
    return Keyring.from_setting(datadir.key_of(settings))


def _shown(app: App) -> dict[str, Any]:
    return {
        "id": app.id,
        "name": app.name,
        "participantLimit": app.participant_limit,
        "defaultVersion": app.default_version,
        "quietSeconds": app.quiet_seconds,
        "capSeconds": app.cap_seconds,
        "frequency": app.frequency,
        "senderPolicy": app.sender_policy,
        "createdAt": app.created_at,
    }


def _row(app: dict[str, Any]) -> list[object]:
    limit, quiet, cap = app["participantLimit"], app["quietSeconds"], app["capSeconds"]
    return [
        app["id"],
        app["name"],
        "none" if limit is None else limit,
        app["defaultVersion"],
        "default" if quiet is None else quiet,
        "default" if cap is None else cap,
        app["frequency"],
        app["senderPolicy"],
        app["createdAt"],
    ]
