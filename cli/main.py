"""Command `mailtalk`: the table of its commands, and errors as one line on stderr."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from cli.lazy import LazyGroup

if TYPE_CHECKING:
    from mailtalk.errors import Reasons

HELP = """Conversations that people take part in from their inbox.

\b
Try it, with everything on this machine, PostgreSQL and Valkey included:
  mailtalk up                   starts it and prints a link to the first five minutes
  mailtalk mails                in another terminal: the mails it made
  mailtalk demo                 fills in apps, conversations and mails to look at

\b
Run it, each process under your own supervisor, as many of each as you like:
  export MAILTALK_DATABASE_URL=postgresql://…  MAILTALK_REDIS_URL=redis://…
  export MAILTALK_SECRET_KEY=$(openssl rand -hex 32)      # once; keep it
  mailtalk migrate              upgrades the tables to the newest version
  mailtalk app create "My app"  prints the app's id and secret
  mailtalk api                  HTTP, for your backend
  mailtalk worker               applies changes, makes and sends mails
  mailtalk bridge               SMTP, for people's replies; or: mailtalk fetch, from IMAP folders

\b
Operate it:
  mailtalk doctor               checks servers, DNS, TLS and relay, and sends a mail out and back in
  mailtalk status               queues, workers and relays, and what is stuck; --watch
  mailtalk console link         a link to the console, which shows all of this as pages
  mailtalk app list             the apps; `app set` and `app rotate-secret` change them
  mailtalk app style            the look of an app's mails; `mail preview` shows it first
  mailtalk participants import  participants from a CSV file, 100,000 and more
  mailtalk changes              who joined, changed or left a conversation, and when
  mailtalk users list           the users; `show` one
  mailtalk conversations list   the conversations; `show` one and the mails that are about to be made
  mailtalk explain              why someone was mailed, or was not
  mailtalk deliveries list      outgoing mails; `show`, `retry` and `cancel` them
  mailtalk inbound list         the outcome of each inbound mail; `show`, `replay`, `release`
  mailtalk suppressions list    addresses that get no mail, and why; `release` one
  mailtalk held list            mails that may or may not have been sent; `send` or `drop` them
  mailtalk webhooks             send events to other programs; see which deliveries fail
  mailtalk channels             send notifications to Slack, Teams, ntfy, SMS and others too
  mailtalk notifications tail   notifications as they happen

\b
Settings are MAILTALK_* environment variables; secrets are also read from the
file named by MAILTALK_*_FILE. README.md lists them all under "Settings".

\b
Exit codes: 0 done, or stopped by Ctrl-C or SIGTERM; 1 it failed, the reason is
on stderr; 2 it cannot start: a wrong setting or argument, named on stderr.
"""
COMMANDS = {
    "api": ("cli.commands.api", "Serve HTTP at MAILTALK_API_HOST:MAILTALK_API_PORT (127.0.0.1:8000)."),
    "app": ("cli.commands.app", "Create and change apps, the tenants, each with its own secret."),
    "bridge": ("cli.commands.bridge", "Receive mail for the reply domain by SMTP."),
    "changes": ("cli.commands.changes", "List a conversation's changes: who joined, changed or left, newest first."),
    "channels": ("cli.commands.channels", "Send notifications to Slack, Teams, ntfy, SMS and others too."),
    "console": ("cli.commands.console", "Print a link that logs in to the console, the pages at /console."),
    "conversations": ("cli.commands.conversations", "List conversations, and inspect one."),
    "deliver": ("cli.commands.deliver", "Take one mail from stdin, as an MTA's pipe gives it. Its 0 means: on disk."),
    "deliveries": ("cli.commands.deliveries", "See outgoing mails, and send them again or cancel them."),
    "demo": (
        "cli.commands.demo",
        "Fill in a believable set of apps, conversations and mails, to look at in the console.",
    ),
    "doctor": ("cli.commands.doctor", "Check servers, DNS, TLS and relay, and send a mail out and back in."),
    "explain": ("cli.commands.explain", "Explain why someone was mailed, was not, or is not yet."),
    "fetch": ("cli.commands.fetch", "Take mail from IMAP folders, as it arrives."),
    "health": ("cli.commands.health", "Check a process on this host; exit code 0 or 1, for container health checks."),
    "held": ("cli.commands.held", "Decide on mails that may or may not have been sent (MAILTALK_UNKNOWN=hold)."),
    "inbound": ("cli.commands.inbound", "See the outcome of each inbound mail, and process one again."),
    "mail": ("cli.commands.mail", "See what mails look like before anyone gets one."),
    "mails": ("cli.commands.mails", "Show captured mails: those made while MAILTALK_RELAY_URL is not set."),
    "migrate": ("cli.commands.migrate", "Upgrade the tables to the newest version."),
    "notifications": ("cli.commands.notifications", "Follow notifications."),
    "participants": ("cli.commands.participants", "Import participants."),
    "status": ("cli.commands.status", "Show queues, workers, relays and broker, and what is stuck."),
    "suppressions": ("cli.commands.suppressions", "List addresses that get no mail, and release them."),
    "up": ("cli.local.up", "Start everything on this machine, and keep it running."),
    "users": ("cli.commands.users", "List users, see their addresses and conversations, and erase them."),
    "webhooks": ("cli.commands.webhooks", "Send events to other programs, by signed HTTP requests."),
    "worker": ("cli.commands.worker", "Apply changes, process inbound mail, make and send mails."),
}


class _Main(LazyGroup):
    """Main group. Errors that the user can fix are one line on stderr, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from mailtalk.errors import MailtalkError, Refused  # noqa: PLC0415 - help needs neither
        from mailtalk.settings.load import SettingsError  # noqa: PLC0415 - the same

        try:
            return super().invoke(ctx)
        except SettingsError as error:
            click.echo(error, err=True)
            ctx.exit(2)
        except Refused as error:
            raise click.ClickException(_text(error.reasons)) from error
        except MailtalkError as error:
            raise click.ClickException(str(error)) from error


def _text(reasons: "Reasons") -> str:
    if isinstance(reasons, Mapping):
        return "; ".join(f"{name}: {', '.join(texts)}" for name, texts in reasons.items())
    return "; ".join(reasons)


@click.group(
    cls=_Main,
    lazy=COMMANDS,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="mailtalk")
def main() -> None:
    """Conversations that people take part in from their inbox."""
