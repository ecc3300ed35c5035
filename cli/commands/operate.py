"""The commands for operators: imports, and what is there; each imports what it needs when it runs."""

# ruff: noqa: PLC0415 - so that help comes at once

from pathlib import Path

import click

from cli.commands.inbound import inbound
from cli.commands.style import mail

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
    from cli.show.participants import bring_in

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
    from cli.datadir import settings
    from cli.show.changes import changes as show

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
    from cli.show.conversation import conversation as show_it

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
    from cli.show.explain import show as tell

    tell(settings("database_url"), app_id, conversation, user, limit, as_json=as_json)


COMMANDS = (participants, changes, conversation, explain, inbound, mail)
