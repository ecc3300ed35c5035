"""`mailtalk app`: apps, the tenants, and their settings."""

from pathlib import Path
from typing import Any

import click

from api.versions import VERSIONS
from cli import connect, datadir, printing, reports
from cli.commands.style import style
from cli.commands.webhooks import put_webhook
from cli.options import NumberOrWord, given, json_option, yes_option
from mailtalk.conversations import apps
from mailtalk.settings.load import PREFIX, Settings
from mailtalk.support import app_removal
from mailtalk.vocabulary import Frequency, SenderPolicy
from mailtalk.webhooks.endpoints import EndpointSpec

HELP = """Create and change apps, the tenants, each with its own secret.

\b
  mailtalk app create "My app"                 prints its id and its secret, only once
  mailtalk app list                            all apps and their settings
  mailtalk app set my-app --limit 500          participants of a conversation; none: no limit
  mailtalk app set my-app --quiet 60 --cap 600 mail after 60 s of quiet, 600 s at most
  mailtalk app set my-app --quiet default      as MAILTALK_QUIET_SECONDS says
  mailtalk app set my-app --frequency daily    one digest a day, for users without a choice of their own
  mailtalk app set my-app --sender-policy match  replies only from the users' own addresses
  mailtalk app rotate-secret my-app            a new secret; the old one ends within seconds
  mailtalk app delete my-app                   the app and everything in it, for good
  mailtalk app style my-app --file style.toml  the look of its mails

Nothing needs a restart: API processes use a new secret at once, workers a new pace from the next message on.
"""
COLUMNS = {
    "id": "id",
    "name": "name",
    "limit": "participantLimit",
    "version": "defaultVersion",
    "quiet": "quietSeconds",
    "cap": "capSeconds",
    "frequency": "frequency",
    "senders": "senderPolicy",
    "created": "createdAt",
}
FIELDS = {"limit": "participant_limit", "quiet": "quiet_seconds", "cap": "cap_seconds"}
ONCE = "The secret is shown only once: keep it."

seconds = NumberOrWord(click.FloatRange(0, 900), "default")


@click.group(help=HELP)
def app() -> None:
    """Create and change apps."""


@app.command()
@click.argument("name")
@click.option("--id", "app_id", help="The id in the API's paths; made from the name unless given.")
def create(name: str, app_id: str | None) -> None:
    """Create an app, and print its id and its secret, which is shown only once."""
    settings = datadir.settings("database_url", "secret_key")
    with connect.transaction(settings) as session:
        created_id, secret = apps.create(session, datadir.keyring(settings), name, app_id)
    click.echo(f"id      {created_id}\nsecret  {secret}\n\n{ONCE}")


@app.command(name="list")
@json_option
def list_apps(*, as_json: bool) -> None:
    """List all apps with their settings; never their secrets."""
    with connect.transaction() as session:
        rows = [reports.AppReport.of(row) for row in apps.listed(session)]
    content = rows if as_json else [_worded(row) for row in rows]
    printing.listing(COLUMNS, content, 'No apps yet. Create one: mailtalk app create "My app"', as_json=as_json)
    if rows and not as_json:
        click.echo(f"\nquiet and cap in seconds; default: {PREFIX}QUIET_SECONDS and {PREFIX}CAP_SECONDS.")


@app.command()
@click.argument("app_id", metavar="ID")
def rotate_secret(app_id: str) -> None:
    """Replace an app's secret, and print the new one, only once.

    The old one, and every JWT signed with it, is refused within seconds. They never work at the same time: have the
    new one ready to be set in your backend.
    """
    settings = datadir.settings("database_url", "secret_key")
    secret = apps.new_secret()
    file = _secret_file(settings, app_id)
    with connect.transaction(settings) as session:
        apps.rotate_secret(session, datadir.keyring(settings), app_id, secret)
        if file is not None:  # before the commit: `mailtalk up` must never restore the old one
            datadir.write(file, secret)
    click.echo(f"secret  {secret}\n\n{ONCE} The old one is refused within seconds.")


@app.command()
@click.argument("app_id", metavar="ID")
@yes_option
def delete(app_id: str, *, yes: bool) -> None:
    """Delete an app with all its users, conversations, messages, files, mails and webhooks, for good.

    Its secret is refused within seconds. After an interruption run it again: it continues where it ended.
    """
    settings = datadir.settings("database_url", "secret_key")
    with connect.database(settings) as database:
        with database.transaction() as session:
            name = apps.found(session, app_id).name
        if not yes:
            click.confirm(f"Delete {printing.plain(name)} ({app_id}) and everything in it, for good?", abort=True)
        with database.transaction() as session:
            app_removal.revoke(session, datadir.keyring(settings), app_id)
        database.drain(lambda session: app_removal.delete_rows(session, app_id))
        with database.transaction() as session:
            app_removal.finish(session, app_id)
    click.echo(f"Deleted {printing.plain(name)} ({app_id}).")


def _secret_file(settings: Settings, app_id: str) -> Path | None:
    """Find the file with the secret that `mailtalk up` sets for its own app at every start; None for other apps."""
    if app_id != settings.app_id:
        return None
    if settings.app_secret is not None:
        raise click.ClickException(
            f"{PREFIX}APP_SECRET is the secret of this app: set it to a new one and start `mailtalk up` again"
        )
    path = settings.data_dir / "app_secret"
    return path if path.exists() else None


@app.command(name="set")
@click.argument("app_id", metavar="ID")
@click.option("--name", help="The name that people see; the id stays.")
@click.option(
    "--limit", type=NumberOrWord(click.IntRange(1), "none"), help="Maximum number of participants of a conversation."
)
@click.option("--default-version", type=click.Choice(list(VERSIONS)), help="For requests that name no version.")
@click.option("--quiet", type=seconds, help="Mail after this long without a new message; up to 900.")
@click.option("--cap", type=seconds, help="Mail at most this long after the first message; up to 900.")
@click.option(
    "--frequency",
    type=click.Choice(list(map(str, Frequency))),
    help="How often participants are mailed unless they choose; default: by quiet and cap.",
)
@click.option(
    "--sender-policy",
    type=click.Choice(list(map(str, SenderPolicy))),
    help="Whose mail to an inbound address is accepted: anyone who has the address (capability), senders with an "
    "address of the user (match), the same proven by SPF or DKIM (authenticated). The rest waits in quarantine.",
)
@click.option("--webhook", metavar="URL", help="Send it every event: the webhook `default`; see mailtalk webhooks.")
def set_app(app_id: str, webhook: str | None, **values: Any) -> None:
    """Change settings of an app, and show them; options left out change nothing.

    A lower limit removes nobody, but nobody can join until there are fewer.
    """
    fields = given(**{FIELDS.get(option, option): value for option, value in values.items()})
    if not fields and webhook is None:
        raise click.UsageError(
            "nothing to set; give at least one of --name, --limit, --default-version, --quiet, --cap, --frequency, "
            "--sender-policy, --webhook"
        )
    if webhook is not None:
        put_webhook(app_id, "default", EndpointSpec(webhook))
    if fields:
        _set_fields(app_id, fields)


def _set_fields(app_id: str, fields: dict[str, Any]) -> None:
    with connect.transaction() as session:
        apps.put(session, app_id, fields)
        row = reports.AppReport.of(apps.found(session, app_id))
    printing.records(COLUMNS, [_worded(row)])


def _worded(row: reports.AppReport) -> dict[str, Any]:
    """Values of a row, with words for those that are not set."""
    unset = {"participantLimit": "none", "quietSeconds": "default", "capSeconds": "default"}
    values = printing.plain_values(row)
    return {name: unset.get(name) if value is None else value for name, value in values.items()}


app.add_command(style)
