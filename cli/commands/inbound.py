"""`mailtalk inbound`: what became of each mail that came, for operators."""

# ruff: noqa: PLC0415 - so that help comes at once

import click

from cli.values import MailId
from mailtalk.vocabulary import Outcome

INBOUND = """See what became of each mail that came in, and process one again.

\b
  mailtalk inbound list                        the newest mails: outcome, verdict, reason
  mailtalk inbound list --outcome quarantined  those that wait for somebody to look at them
  mailtalk inbound list --app demo --user bob  those to Bob's addresses
  mailtalk inbound show 12                     one of them: what was found, what became of it
  mailtalk inbound show 12 --raw > mail.eml    as it came, byte for byte
  mailtalk inbound release 12                  out of quarantine: it becomes a message if it still may
  mailtalk inbound replay 12                   process it again from its bytes, with every check

\b
An outcome says what happened, a verdict what was found, a reason which mark showed it:
  posted        became a message
  unsubscribed  turned the participant's mails off
  ignored       a machine's (loop, bounce, complaint, auto-reply, auto-generated, list),
                nothing written (empty), or delivered twice (duplicate)
  refused       its participant may not write any more (no-access), or it cannot be read (unreadable)
  quarantined   not surely the participant's (sender), or more than people write (flood)
  failed        a defect of ours, five times; kept, and to be replayed once it is mended
  received      waits: for a worker, or for the DNS (dns-temperror)

Raw bytes are kept for MAILTALK_RAW_MAIL_DAYS; later a mail can be seen here, but not processed again.
"""

mail_id = click.argument("mail_id", metavar="ID", type=MailId())
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@click.group(help=INBOUND)
def inbound() -> None:
    """See what became of each mail that came in."""


@inbound.command(name="list")
@click.option("--app", "app_id", metavar="ID", help="Only mails to this app.")
@click.option("--conversation", metavar="ID", help="Only mails to this conversation.")
@click.option("--user", metavar="ID", help="Only mails to addresses of this user.")
@click.option("--outcome", type=click.Choice(list(map(str, Outcome))), help="Only mails with this outcome.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@json_option
def list_mails(  # noqa: PLR0913  one for each option
    app_id: str | None, conversation: str | None, user: str | None, outcome: str | None, limit: int, *, as_json: bool
) -> None:
    """List the mails that came, newest first; those to postmaster have no app."""
    from cli.datadir import settings
    from cli.show.inbound import listed

    wanted = {"app_id": app_id, "conversation_id": conversation, "user_id": user, "outcome": outcome}
    listed(settings("database_url"), wanted, limit, as_json=as_json)


@inbound.command()
@mail_id
@click.option(
    "--raw", is_flag=True, help="Write the mail as it came to stdout. It holds what its sender wrote: beware."
)
@json_option
def show(mail_id: int, *, raw: bool, as_json: bool) -> None:
    """Show one mail: what was found, what became of it, and what the checks of its sender gave."""
    from cli.datadir import settings
    from cli.show.inbound import raw as write
    from cli.show.inbound import show as tell

    if raw:
        write(settings("database_url", "secret_key"), mail_id)
    else:
        tell(settings("database_url"), mail_id, as_json=as_json)


@inbound.command()
@mail_id
def replay(mail_id: int) -> None:
    """Process a mail again from its raw bytes, with every check; a worker does it.

    For mails that failed, or were refused, quarantined or ignored. One that became a message is not posted twice.
    """
    from cli.datadir import settings
    from cli.show.inbound import replay as again

    again(settings("database_url"), mail_id)


@inbound.command()
@mail_id
def release(mail_id: int) -> None:
    """Let a mail out of quarantine; a worker processes it.

    Its sender is not asked about any more; whether the participant may still write is.
    """
    from cli.datadir import settings
    from cli.show.inbound import release as let_out

    let_out(settings("database_url"), mail_id)
