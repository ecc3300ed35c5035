"""The commands that tell other programs what happens: webhooks."""

# ruff: noqa: PLC0415 - each imports what it needs when it runs

import click

from cli.commands.operate import app_option, json_option, limit_option

WEBHOOKS = """Tell other programs what happens, by signed HTTP requests; docs/webhooks.md has all of it.

\b
  mailtalk webhooks put main https://example.com/hook --app my-app     prints its secret, only now
  mailtalk webhooks test main --app my-app                             sends a test, and says how it went
  mailtalk webhooks list                                               and which of them fail
  mailtalk webhooks log main --app my-app --stage failed               what it was told, newest first
  mailtalk webhooks replay main --app my-app --from 2h                 tells it again
  mailtalk webhooks resume main --app my-app                           one that was paused or disabled

One that fails for three days is paused: what it is to be told is kept until it is resumed.
"""
some_app = click.option("--app", "app_id", metavar="ID", help="Only of this app.")
webhook_argument = click.argument("webhook", metavar="WEBHOOK")


@click.group(help=WEBHOOKS)
def webhooks() -> None:
    """Tell other programs what happens."""


@webhooks.command(name="list")
@some_app
@json_option
def list_webhooks(app_id: str | None, *, as_json: bool) -> None:
    """List webhooks and how they fare; never their secrets."""
    from cli.datadir import settings
    from cli.show.webhooks import listed

    listed(settings("database_url"), app_id, as_json=as_json)


@webhooks.command()
@webhook_argument
@click.argument("url", metavar="URL")
@app_option
@click.option("--event", "events", multiple=True, metavar="TYPE", help="Only these; may be given several times.")
def put(webhook: str, url: str, app_id: str, events: tuple[str, ...]) -> None:
    """Create or change a webhook, and print the secret that was made, only now."""
    from cli.datadir import settings
    from cli.show.webhooks import put as put_it
    from mailtalk.webhooks.endpoints import Wish

    put_it(settings("database_url", "secret_key"), app_id, webhook, Wish(url, events or None))


@webhooks.command(name="rotate-secret")
@webhook_argument
@app_option
def rotate_webhook(webhook: str, app_id: str) -> None:
    """Give a webhook a new secret, and print it, only now."""
    from cli.datadir import settings
    from cli.show.webhooks import rotate

    rotate(settings("database_url", "secret_key"), app_id, webhook)


@webhooks.command()
@webhook_argument
@app_option
def delete(webhook: str, app_id: str) -> None:
    """Delete a webhook, and what it was not yet told."""
    from cli.datadir import settings
    from cli.show.webhooks import delete as delete_it

    delete_it(settings("database_url"), app_id, webhook)


@webhooks.command()
@webhook_argument
@app_option
def resume(webhook: str, app_id: str) -> None:
    """Tell a webhook that was paused or disabled again, at once, all that waits for it."""
    from cli.datadir import settings
    from cli.show.webhooks import resume as resume_it

    resume_it(settings("database_url"), app_id, webhook)


@webhooks.command()
@webhook_argument
@app_option
@click.option("--stage", type=click.Choice(["queued", "sent", "failed", "cancelled"]), help="Only those.")
@limit_option
@json_option
def log(webhook: str, app_id: str, stage: str | None, limit: int, *, as_json: bool) -> None:
    """Show what a webhook was told, newest first, and how it went."""
    from cli.datadir import settings
    from cli.show.webhooks import show_log as show

    show(settings("database_url"), app_id, webhook, stage, limit, as_json=as_json)


@webhooks.command()
@webhook_argument
@app_option
@click.option("--from", "start", metavar="TIME", help="ISO 8601, or so long ago: 90s, 15m, 2h, 3d.")
@click.option("--to", "end", metavar="TIME", help="The same, excluded.")
@click.option("--event", "events", multiple=True, metavar="evt_N", help="These; may be given several times.")
def replay(webhook: str, app_id: str, start: str | None, end: str | None, events: tuple[str, ...]) -> None:
    """Tell a webhook again what happened in a time, or these events."""
    from cli.datadir import settings
    from cli.show.webhooks import event_ids, moment
    from cli.show.webhooks import replay as tell_again
    from mailtalk.webhooks.log import Span

    if bool(events) == bool(start or end):
        raise click.UsageError("say which: --from and --to, or --event")
    span = Span(event_ids(events), moment(start) if start else None, moment(end) if end else None)
    tell_again(settings("database_url"), app_id, webhook, span)


@webhooks.command()
@webhook_argument
@app_option
@click.pass_context
def test(ctx: click.Context, webhook: str, app_id: str) -> None:
    """Send a test, and say how it went; exit code 0 when it was taken."""
    from cli.datadir import settings
    from cli.show.webhooks import test as try_it

    ctx.exit(0 if try_it(settings("database_url"), app_id, webhook) else 1)


COMMANDS = (webhooks,)
