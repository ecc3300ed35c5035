"""The commands that tell people elsewhere: channels, and the terminal."""

# ruff: noqa: PLC0415 - each imports what it needs when it runs

import click

from cli.commands.operate import app_option, json_option
from cli.commands.webhooks import some_app

CHANNELS = """Send notifications to Slack, Teams, ntfy, SMS and others too, by Apprise (the extra mailtalk[channels]).

\b
  mailtalk channels set team slack://TokenA/TokenB/TokenC/#support --app my-app
  mailtalk channels set sms 'twilio://SID:TOKEN@15551230000/{phone}' --app my-app
  mailtalk channels test team --app my-app

{phone}, {email} and {userId} are those of whom a notification is for; who has none is left out. URLs are sealed
and never shown again.
"""
channel_argument = click.argument("name", metavar="NAME")


@click.group(help=CHANNELS)
def channels() -> None:
    """Send notifications elsewhere too."""


@channels.command(name="set")
@channel_argument
@click.argument("url", metavar="URL")
@app_option
def set_channel(name: str, url: str, app_id: str) -> None:
    """Set a channel's URL, as Apprise writes it."""
    from cli.datadir import settings
    from cli.show.channels import put

    put(settings("database_url", "secret_key"), app_id, name, url)


@channels.command(name="list")
@some_app
@json_option
def list_channels(app_id: str | None, *, as_json: bool) -> None:
    """List channels and how they fare; never their URLs."""
    from cli.datadir import settings
    from cli.show.channels import listed

    listed(settings("database_url"), app_id, as_json=as_json)


@channels.command(name="delete")
@channel_argument
@app_option
def delete_channel(name: str, app_id: str) -> None:
    """Delete a channel."""
    from cli.datadir import settings
    from cli.show.channels import delete

    delete(settings("database_url"), app_id, name)


@channels.command(name="test")
@channel_argument
@app_option
@click.pass_context
def test_channel(ctx: click.Context, name: str, app_id: str) -> None:
    """Send a test, and say how it went; exit code 0 when it was taken."""
    from cli.datadir import settings
    from cli.show.channels import test

    ctx.exit(0 if test(settings("database_url"), app_id, name) else 1)


@click.group()
def notifications() -> None:
    """Follow notifications."""


@notifications.command()
@some_app
@click.option("--since", metavar="TIME", help="Begin then: ISO 8601, or so long ago: 15m, 2h, 3d.")
@click.option("--all", "everything", is_flag=True, help="Every event, not those of mails alone.")
@json_option
def tail(app_id: str | None, since: str | None, *, everything: bool, as_json: bool) -> None:
    """Print a line for each notification as it is triggered, sent or bounced, until Ctrl-C.

    Of the past only what a webhook, a channel or another tail wanted was kept.
    """
    from cli.datadir import settings
    from cli.show.tail import tail as follow
    from cli.show.webhooks import moment

    begin = moment(since) if since else None
    follow(settings("database_url"), app_id, begin, everything=everything, as_json=as_json)


COMMANDS = (channels, notifications)
