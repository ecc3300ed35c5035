"""`mailtalk participants import`: participants from a CSV file."""

from pathlib import Path

import click

from cli import connect
from cli.csv_import.file import ParticipantsFile
from cli.csv_import.run import Import
from cli.options import app_option
from mailtalk.conversations import apps

HELP = """Add the users in FILE.csv to conversations, by the same log of changes as the API's PUT.

\b
  conversation,user,access,notify
  ticket-1,alice,ReadWrite,true
  ticket-1,bob,Read,MentionsOnly
  ticket-2,alice,,

access is ReadWrite (default) or Read; notify is true (default), MentionsOnly or false. Rows without a conversation
take it from --conversation. An optional column frequency is immediately, default, hourly or daily. Columns in any
order; UTF-8, with or without a BOM, lines ending in LF or CRLF.

The users and conversations must exist; rows that name others are rejected, as are those beyond the app's participant
limit. Invalid lines are skipped. None of these stops the rest.

After an interruption run it again with the same file: it continues where it ended. Each row enters the log once: the
database remembers the file by its content (with --app and --conversation), so a complete file only prints its summary
again. --again imports all rows anew, for when people have left since.

Workers apply the rows; --apply does it here, beside workers or without any.

Exit code 0: every row was applied. 1: some were not, or it failed.
"""


@click.group()
def participants() -> None:
    """Import participants."""


@participants.command(name="import", help=HELP)
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.csv")
@app_option
@click.option("--conversation", metavar="ID", help="For rows without one.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write every row that was not applied to this file, as CSV.",
)
@click.option("--apply", "here", is_flag=True, help="Apply the changes here, not by workers.")
@click.option("--again", is_flag=True, help="Import all rows anew, also those of earlier runs.")
@click.pass_context
def import_file(  # noqa: PLR0913  one for each option
    ctx: click.Context,
    path: Path,
    app_id: str,
    conversation: str | None,
    errors: Path | None,
    *,
    here: bool,
    again: bool,
) -> None:
    """Add the users in a CSV file to conversations."""
    file = ParticipantsFile(path, conversation)
    with connect.database() as database:
        with database.transaction() as session:
            apps.found(session, app_id)
        run = Import(database, file, app_id, here=here)
        if again:
            run.forget()
        run.run()
        complete = run.report().print(errors)
    ctx.exit(0 if complete else 1)
