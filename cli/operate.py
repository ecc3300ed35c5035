"""The commands for operators: apps, imports, and what is there; each imports what it needs when it runs."""

# ruff: noqa: PLC0415 - so that help comes at once

from pathlib import Path

import click

from api.versions import VERSIONS
from cli.inbound import inbound
from cli.styling import mail, style
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
IMPORT = """Let the users in FILE.csv join conversations, through the same log of changes as the API's PUT.

\b
  conversation,user,access,notify
  ticket-1,alice,ReadWrite,true
  ticket-1,bob,Read,MentionsOnly
  ticket-2,alice,,

access is ReadWrite (when empty) or Read; notify is true (when empty), MentionsOnly or false. A row whose
conversation is empty, or a file without that column, takes it from --conversation. A column frequency may say
immediately, default, hourly or daily. Columns in any order; UTF-8, with or without a BOM, lines ending in LF or CRLF.

The users and conversations must be there already; rows that name others are rejected, as are those beyond the
app's participant limit, and lines that cannot be understood are left out. None of these stops the rest.

Start it again after whatever ended it, with the same file: it goes on where it ended. Each row enters the log once:
the database remembers the file by its content (with --app and --conversation), so that a file that is done does
nothing more than show its summary. --again takes all rows anew, for when people have left since.

Workers apply the rows. Without any, it says so; --apply does it here, beside workers or alone.

Exit code 0: every row was applied. 1: some were not, or it failed.
"""

app_option = click.option("--app", "app_id", required=True, metavar="ID", help="The app; see: mailtalk app list")
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
limit_option = click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
seconds = Or(click.FloatRange(0, 900), "default")


@click.group(help=APP)
def app() -> None:
    """Make and change apps: the tenants, each with a secret of its own."""


@app.command()
@click.argument("name")
@click.option("--id", "app_id", help="The id in the API's paths; made from the name unless given.")
def create(name: str, app_id: str | None) -> None:
    """Make an app, and print its id and its secret, which is shown only now."""
    from cli.app import create as make
    from cli.datadir import settings

    make(settings("database_url", "secret_key"), name, app_id)


@app.command(name="list")
@json_option
def list_apps(*, as_json: bool) -> None:
    """List all apps with their settings; never their secrets."""
    from cli.app import listed
    from cli.datadir import settings

    listed(settings("database_url"), as_json=as_json)


@app.command()
@click.argument("app_id", metavar="ID")
def rotate_secret(app_id: str) -> None:
    """Give an app a new secret, and print it, only now.

    The old one, and each JWT that was signed with it, is refused within seconds. There is no time in which both
    count: have the new one ready to be set in your backend.
    """
    from cli.app import rotate_secret as rotate
    from cli.datadir import settings

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
    from cli.app import alter
    from cli.datadir import settings
    from cli.webhooks import put
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


@click.group()
def participants() -> None:
    """Bring many participants in at once."""


@participants.command(name="import", help=IMPORT)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv")
@app_option
@click.option("--conversation", metavar="ID", help="For rows that name none.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write every row that was not applied there, as CSV.",
)
@click.option("--apply", "here", is_flag=True, help="Apply the changes here, not by workers.")
@click.option("--again", is_flag=True, help="Take all rows anew, also those of earlier runs.")
@click.pass_context
def import_file(  # noqa: PLR0913  one for each option
    ctx: click.Context,
    file: Path,
    app_id: str,
    conversation: str | None,
    errors: Path | None,
    *,
    here: bool,
    again: bool,
) -> None:
    """Let the users in a CSV file join conversations."""
    from cli.datadir import settings
    from cli.participants import bring_in

    done = bring_in(settings("database_url"), file, app_id, conversation, errors, here=here, again=again)
    ctx.exit(0 if done else 1)


@click.command()
@app_option
@click.argument("conversation", metavar="CONVERSATION")
@click.option("--user", metavar="ID", help="Only the changes of this user.")
@limit_option
@json_option
def changes(app_id: str, conversation: str, user: str | None, limit: int, *, as_json: bool) -> None:
    """Show a conversation's log of changes, newest first: who joined, changed or left, when, in which order.

    ORDER counts the changes of the conversation as they took effect; what waits has none yet.
    """
    from cli.change_log import changes as show
    from cli.datadir import settings

    show(settings("database_url"), app_id, conversation, user, limit, as_json=as_json)


@click.group()
def conversation() -> None:
    """Look into conversations."""


@conversation.command()
@app_option
@click.argument("conversation", metavar="CONVERSATION")
@limit_option
@json_option
def show(app_id: str, conversation: str, limit: int, *, as_json: bool) -> None:
    """Show a conversation: its participants, counts, last messages, and the mails that are about to be made.

    Never a secret address; of messages the first line.
    """
    from cli.datadir import settings
    from cli.look import conversation as show_it

    show_it(settings("database_url"), app_id, conversation, limit, as_json=as_json)


@click.command()
@app_option
@click.argument("conversation", metavar="CONVERSATION")
@click.argument("user", metavar="USER")
@limit_option
@json_option
def explain(app_id: str, conversation: str, user: str, limit: int, *, as_json: bool) -> None:
    """Tell why somebody was mailed, was not, or is not yet.

    What holds for the next message, and what became of the last ones, newest first, for 30 days.
    """
    from cli.datadir import settings
    from cli.explain import explain as tell

    tell(settings("database_url"), app_id, conversation, user, limit, as_json=as_json)


app.add_command(style)
COMMANDS = (app, participants, changes, conversation, explain, inbound, mail)
