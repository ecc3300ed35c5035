"""The commands of `mailtalk app`; each imports what it needs when it runs."""

# ruff: noqa: PLC0415 - so that help comes at once

import click

from api.versions import VERSIONS
from cli.commands.operate import json_option
from cli.commands.style import style
from cli.values import Or, given
from mailtalk.vocabulary import Frequency, SenderPolicy

APP = """Make and change apps: the tenants, each with a secret of its own.

\b
  mailtalk app create "My app"                 prints its id and its secret, only now
  mailtalk app list                            all apps and what is set for them
  mailtalk app set my-app --limit 500          participants of a conversation; none: no limit
  mailtalk app set my-app --quiet 60 --cap 600 mail after 60 s of quiet, 600 s at most
  mailtalk app set my-app --quiet default      as MAILTALK_QUIET_SECONDS says
  mailtalk app set my-app --frequency daily    one digest a day, for who chose nothing else
  mailtalk app set my-app --sender-policy match  replies only from the users' own addresses
  mailtalk app rotate-secret my-app            a new secret; the old one ends within seconds
  mailtalk app style my-app --file style.toml  how its mails look

Nothing needs a restart: API processes know a new secret at once, workers a new pace with the next message.
"""

seconds = Or(click.FloatRange(0, 900), "default")


@click.group(help=APP)
def app() -> None:
    """Make and change apps: the tenants, each with a secret of its own."""


@app.command()
@click.argument("name")
@click.option("--id", "app_id", help="The id in the API's paths; made from the name unless given.")
def create(name: str, app_id: str | None) -> None:
    """Make an app, and print its id and its secret, which is shown only now."""
    from cli.datadir import settings
    from cli.show.app import create as make

    make(settings("database_url", "secret_key"), name, app_id)


@app.command(name="list")
@json_option
def list_apps(*, as_json: bool) -> None:
    """List all apps with their settings; never their secrets."""
    from cli.datadir import settings
    from cli.show.app import listed

    listed(settings("database_url"), as_json=as_json)


@app.command()
@click.argument("app_id", metavar="ID")
def rotate_secret(app_id: str) -> None:
    """Give an app a new secret, and print it, only now.

    The old one, and each JWT that was signed with it, is refused within seconds. There is no time in which both
    count: have the new one ready to be set in your backend.
    """
    from cli.datadir import settings
    from cli.show.app import rotate_secret as rotate

    rotate(settings("database_url", "secret_key"), app_id)


@app.command(name="set")
@click.argument("app_id", metavar="ID")
@click.option("--name", help="What people read; the id stays.")
@click.option("--limit", type=Or(click.IntRange(1), "none"), help="Most participants of a conversation.")
@click.option("--default-version", type=click.Choice(list(VERSIONS)), help="For requests that name no version.")
@click.option("--quiet", type=seconds, help="A mail is made when its conversation was quiet so long; up to 900.")
@click.option("--cap", type=seconds, help="And at most so long after the first message; up to 900.")
@click.option(
    "--frequency",
    type=click.Choice(list(map(str, Frequency))),
    help="How often its participants are mailed who chose nothing else; default: by quiet and cap.",
)
@click.option(
    "--sender-policy",
    type=click.Choice(list(map(str, SenderPolicy))),
    help="Whose mail to an inbound address is taken: whoever knows it (capability), who writes from an address of the "
    "user (match), and can prove it by SPF or DKIM (authenticated). What does not match waits in quarantine.",
)
@click.option("--webhook", metavar="URL", help="Tell it of every event: the webhook `default`; see mailtalk webhooks.")
@click.pass_context
def set_app(  # noqa: PLR0913, PLR0917  one for each option
    ctx: click.Context,
    app_id: str,
    name: str,
    limit: object,
    default_version: str,
    quiet: object,
    cap: object,
    frequency: str,
    sender_policy: str,
    webhook: str | None,
) -> None:
    """Change what is set for an app, and show it; what is not named stays.

    A lower limit lets those stay who are there; nobody joins until they are fewer.
    """
    from cli.datadir import settings
    from cli.show.app import alter
    from cli.show.webhooks import put
    from mailtalk.webhooks.endpoints import Wish

    fields = given(
        name=name,
        participant_limit=limit,
        default_version=default_version,
        quiet_seconds=quiet,
        cap_seconds=cap,
        frequency=frequency,
        sender_policy=sender_policy,
    )
    if not fields and webhook is None:
        raise click.UsageError(
            "say what to set: --name, --limit, --default-version, --quiet, --cap, --frequency, --sender-policy "
            "or --webhook",
            ctx,
        )
    if webhook is not None:
        put(settings("database_url", "secret_key"), app_id, "default", Wish(webhook))
    if fields:
        alter(settings("database_url"), app_id, fields)


app.add_command(style)
