"""The command line: `mailtalk --help` says what there is."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that help comes at once

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from cli.commands.app import app
from cli.commands.channels import COMMANDS as TELLING_PEOPLE
from cli.commands.operate import COMMANDS
from cli.commands.outgoing import OUTGOING
from cli.commands.webhooks import COMMANDS as TELLING

if TYPE_CHECKING:
    from mailtalk.errors import Reasons
    from mailtalk.settings.load import Settings

HELP = """Conversations that people take part in from their inbox.

\b
Try it, everything on this machine, PostgreSQL and Valkey included:
  mailtalk up                   starts it and prints three commands to try
  mailtalk mails                in another terminal: what was mailed

\b
Run it, each process under your own supervisor, as many of each as you like:
  export MAILTALK_DATABASE_URL=postgresql://…  MAILTALK_REDIS_URL=redis://…
  export MAILTALK_SECRET_KEY=$(openssl rand -hex 32)      # once; keep it
  mailtalk migrate              brings the tables to the newest version
  mailtalk app create "My app"  prints the app's id and secret
  mailtalk api                  HTTP, for your backend
  mailtalk worker               applies changes, makes and sends mails
  mailtalk bridge               SMTP, for people's replies

\b
Look after it:
  mailtalk app list             the apps; `app set` and `app rotate-secret` change them
  mailtalk app style            how an app's mails look; `mail preview` shows it before
  mailtalk participants import  people from a CSV file, 100,000 and more
  mailtalk changes              who joined, changed or left a conversation, when
  mailtalk conversation show    a conversation and the mails that are about to be made
  mailtalk explain              why somebody was mailed, or was not
  mailtalk inbound list         what became of each mail that came; `show`, `replay`, `release`
  mailtalk suppressions list    addresses that get no mail, and why; `release` one
  mailtalk held list            mails that may have gone or not; `send` or `drop` them
  mailtalk webhooks             tell other programs what happens; see which of them fail
  mailtalk channels             send notifications to Slack, Teams, ntfy, SMS and others too
  mailtalk notifications tail   notifications as they happen

\b
Settings are MAILTALK_* environment variables; secrets are also read from the
file named by MAILTALK_*_FILE. README.md lists them all under "Settings".

\b
Exit codes: 0 done, or stopped by Ctrl-C or SIGTERM; 1 it failed, the reason is
on stderr; 2 a wrong setting or argument, named on stderr.
"""


def _told(reasons: "Reasons") -> str:
    if isinstance(reasons, Mapping):
        return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in reasons.items())
    return "; ".join(reasons)


def _serve(run: Callable[["Settings"], None]) -> None:
    """Run one of the processes: its log on stderr, its settings as `mailtalk up` keeps them."""
    from cli import logs
    from cli.datadir import settings

    logs.setup()
    run(settings())


@contextmanager
def _starting() -> Iterator[None]:
    """While code is loaded, which stays: to search it for garbage takes a sixth of the start, and time ever after."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


class _Commands(click.Group):
    """Turns what people can mend into one text on stderr, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from mailtalk.errors import MailtalkError, Refused
        from mailtalk.settings.load import SettingsError

        try:
            return super().invoke(ctx)
        except SettingsError as error:
            click.echo(error, err=True)
            ctx.exit(2)
        except Refused as error:
            raise click.ClickException(_told(error.reasons)) from error
        except MailtalkError as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=_Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="mailtalk")
def main() -> None:
    """Conversations that people take part in from their inbox."""


@main.command()
def up() -> None:
    """Start everything on this machine, and keep it running.

    PostgreSQL and Valkey are embedded unless MAILTALK_DATABASE_URL and MAILTALK_REDIS_URL are set; what they
    keep is in MAILTALK_DATA_DIR (.mailtalk). A process that dies is started again. Ctrl-C stops everything.
    """
    with _starting():
        from cli.local.up import up as start
        from mailtalk.settings.load import load

    start(load())


@main.command()
def api() -> None:
    """Serve HTTP at MAILTALK_API_HOST:MAILTALK_API_PORT (127.0.0.1:8000)."""
    with _starting():
        from api.server import run

    _serve(run)


@main.command()
def worker() -> None:
    """Apply changes, process mails that came, make and send mails that go."""
    with _starting():
        from worker.server import run

    _serve(run)


@main.command()
def bridge() -> None:
    """Take mail for the reply domain at MAILTALK_SMTP_HOST:MAILTALK_SMTP_PORT (127.0.0.1:8025)."""
    with _starting():
        from smtp_bridge.server import run

    _serve(run)


@main.command()
def migrate() -> None:
    """Bring the tables to the newest version; safe to run at any time, also by several at once."""
    from cli.datadir import settings
    from cli.schema import migrate as bring

    bring(settings("database_url"))


@main.group()
def health() -> None:
    """Tell whether a process of this host works; exit code 0 or 1, for container health checks."""


@health.command(name="worker")
def health_worker() -> None:
    """A worker of this host beats: its row in the database is fresh. Needs no broker."""
    from cli.datadir import settings
    from cli.health import worker as check

    check(settings("database_url"))


@main.command()
@click.option("--to", help="Only the mails to this address.")
@click.option("--limit", default=20, show_default=True, help="How many, the newest.")
@click.option("--source", is_flag=True, help="As they would go out, headers and all.")
def mails(to: str | None, limit: int, *, source: bool) -> None:
    """Show the captured mails: those made while MAILTALK_RELAY_URL is not set.

    Each shows its Reply-To, the secret address at which its reader answers.
    """
    from cli.datadir import settings
    from cli.show import mails as captured

    show = captured.source if source else captured.listed
    show(settings("database_url", "secret_key"), to, limit)


for command in (app, *COMMANDS, *OUTGOING, *TELLING, *TELLING_PEOPLE):
    main.add_command(command)
