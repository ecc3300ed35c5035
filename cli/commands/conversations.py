"""`mailtalk conversations`: listed and searched, and one with the mails that are about to be made."""

from collections.abc import Mapping, Sequence

import click

from cli import connect, printing, reports
from cli.options import after_option, app_option, json_option, limit_option
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.ids import ConversationKey
from mailtalk.support import directory, overview
from mailtalk.support.directory import DirectorySearch
from mailtalk.support.overview import OpenWindow, Overview

CONVERSATIONS = {
    "id": "id",
    "subject": "subject",
    "participants": "participants",
    "messages": "messages",
    "last message": "lastMessageAt",
    "mailed at": "windowDueAt",
}
PARTICIPANTS = {
    "user": "userId",
    "state": "state",
    "access": "access",
    "notify": "notify",
    "mute until": "muteUntil",
    "frequency": "frequency",
    "sees": "sees",
    "up to": "seesUpTo",
    "joined": "joinedAt",
    "read": "readSeq",
    "mailed": "mailedSeq",
}
MESSAGES = {"seq": "seq", "at": "createdAt", "sender": "senderId", "origin": "origin", "text": "firstLine"}
NOTIFICATIONS = {"user": "userId", "from seq": "fromSeq", "not before": "notBefore", "since": "createdAt"}


@click.group()
def conversations() -> None:
    """List conversations, and inspect one."""


@conversations.command(name="list")
@app_option
@click.option("--search", metavar="TEXT", help="Only those with this in their id or subject.")
@click.option("--user", "user_id", metavar="ID", help="Only those in which this user takes part.")
@limit_option
@after_option
@json_option
def list_conversations(  # noqa: PLR0913  one for each option
    app_id: str, search: str | None, user_id: str | None, limit: int, after: str | None, *, as_json: bool
) -> None:
    """List conversations, the latest activity first."""
    with connect.transaction() as session:
        page = directory.conversation_page(session, DirectorySearch(app_id, search, user_id), limit=limit, after=after)
    rows = [reports.ConversationReport.of(row) for row in page]
    printing.listing(CONVERSATIONS, rows, "No such conversations.", as_json=as_json)


@conversations.command()
@app_option
@click.argument("conversation_id", metavar="CONVERSATION")
@limit_option
@json_option
def show(app_id: str, conversation_id: str, limit: int, *, as_json: bool) -> None:
    """Show a conversation: its participants, counts, last messages, and the mails that are about to be made.

    Only the first line of each message is shown, and never a secret address.
    """
    with connect.transaction() as session:
        apps.found(session, app_id)
        content = overview.read(session, clock.now(), ConversationKey(app_id, conversation_id), limit)
    for message in content.messages:
        message.first_line = printing.plain(message.first_line)  # masks secret addresses
    if as_json:
        printing.print_json(content)
    else:
        _print_overview(content)


def _print_overview(content: Overview) -> None:
    counts, window = content.counts, content.window
    click.echo(f"Conversation  {printing.plain(content.id)}\nSubject       {printing.plain(content.subject or '-')}")
    click.echo(f"Created       {printing.moment(content.created_at)}")
    click.echo(f"Changes       {counts.pending_changes:,} pending")
    mails = ", ".join(f"{count:,} {stage}" for stage, count in content.deliveries.items())
    click.echo(f"Mails         {mails or 'none yet'}")
    click.echo(f"Window        {_window_line(window) if window else 'not open: no message waits to be mailed'}")
    people = counts.participants + counts.others
    title = f"{counts.participants:,} participants, {counts.others:,} who left or have None"
    _print_section(title, PARTICIPANTS, content.participants, people)
    _print_section(f"{counts.messages:,} messages, newest first", MESSAGES, content.messages, counts.messages)
    number = counts.pending_notifications
    _print_section(f"{number:,} pending notifications", NOTIFICATIONS, content.notifications, number)


def _window_line(window: OpenWindow) -> str:
    opened, due = printing.moment(window.opened_at), printing.moment(window.due_at)
    return f"open since {opened}, closes at {due}; from message {window.from_seq} on"


def _print_section(title: str, columns: Mapping[str, str], rows: Sequence[object], count: int) -> None:
    click.echo(f"\n{title}")
    if rows:
        printing.records(columns, printing.plain_values(rows))
    if count > len(rows):
        click.echo(f"… and {count - len(rows):,} more; see --limit")
