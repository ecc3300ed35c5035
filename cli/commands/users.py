"""`mailtalk users`: the users of an app, listed, searched, shown and erased."""

import click
import msgspec

from cli import connect, printing, reports
from cli.commands.conversations import CONVERSATIONS
from cli.options import after_option, app_option, json_option, limit_option, yes_option
from mailtalk import clock
from mailtalk.conversations import erasure
from mailtalk.conversations import users as user_records
from mailtalk.conversations.erasure import ErasedMessages
from mailtalk.outbound import suppressions
from mailtalk.support import directory
from mailtalk.support.directory import DirectorySearch
from mailtalk.vocabulary import Actor

USERS = {
    "id": "id",
    "name": "name",
    "addresses": "emails",
    "conversations": "conversations",
    "created": "createdAt",
}


class UserDetails(msgspec.Struct, rename="camel"):
    """A user, their suppressed addresses, and the conversations they take part in."""

    user: reports.UserReport
    locale: str | None
    time_zone: str | None
    role: str | None
    suppressed: list[reports.SuppressionReport]
    conversations: list[reports.ConversationReport]


@click.group()
def users() -> None:
    """List users, see their addresses and conversations, and erase them."""


@users.command(name="list")
@app_option
@click.option("--search", metavar="TEXT", help="Only those with this in their id, name or address.")
@limit_option
@after_option
@json_option
def list_users(app_id: str, search: str | None, limit: int, after: str | None, *, as_json: bool) -> None:
    """List users, newest first."""
    with connect.transaction() as session:
        page = directory.user_page(session, DirectorySearch(app_id, search), limit=limit, after=after)
    rows = [reports.UserReport.of(row) for row in page]
    printing.listing(USERS, rows, "No such users.", as_json=as_json)


@users.command()
@app_option
@click.argument("user_id", metavar="USER")
@limit_option
@json_option
def show(app_id: str, user_id: str, limit: int, *, as_json: bool) -> None:
    """Show a user: addresses, those that get no mail, and the conversations, the latest activity first."""
    details = _details(app_id, user_id, limit)
    if as_json:
        printing.print_json(details)
        return
    printing.fields(details.user)
    printing.fields({"locale": details.locale, "time zone": details.time_zone, "role": details.role})
    for row in details.suppressed:
        click.echo(f"suppressed      {printing.plain(row.address)} ({row.reason})")
    click.echo()
    printing.listing(CONVERSATIONS, details.conversations, "In no conversation.", as_json=False)


@users.command()
@app_option
@click.argument("user_id", metavar="USER")
@click.option(
    "--messages",
    type=click.Choice(list(map(str, ErasedMessages))),
    default=str(ErasedMessages.ANONYMISE),
    show_default=True,
    help="Keep the texts of their messages without their name, or delete them.",
)
@yes_option
def delete(app_id: str, user_id: str, messages: str, *, yes: bool) -> None:
    """Erase a user, for good: participations, addresses, mails, files and settings.

    What others wrote stays, and so do events in the log of webhooks until they are purged.
    """
    with connect.database() as database:
        with database.transaction() as session:
            name = printing.plain(user_records.get(session, app_id, user_id).name)
        if not yes:
            click.confirm(f"Erase {name} ({printing.plain(user_id)}), for good?", abort=True)
        with database.transaction() as session:
            erasure.erase(session, clock.now(), app_id, user_id, ErasedMessages(messages), Actor.OPERATOR)
    click.echo(f"Erased {name} ({printing.plain(user_id)}).")


def _details(app_id: str, user_id: str, limit: int) -> UserDetails:
    with connect.transaction() as session:
        row, report = user_records.get(session, app_id, user_id), directory.get_user(session, app_id, user_id)
        suppressed = suppressions.of(session, clock.now(), app_id, row.emails or ())
        page = directory.conversation_page(session, DirectorySearch(app_id, user_id=user_id), limit=limit)
        return UserDetails(
            reports.UserReport.of(report),
            row.locale,
            row.time_zone,
            row.role,
            [reports.SuppressionReport.of(each) for each in suppressed],
            [reports.ConversationReport.of(each) for each in page],
        )
