"""`mailtalk deliver`: one mail from stdin, for the pipe of an MTA; exit codes of sysexits.h."""

import os
import sys
from contextlib import closing

import click

from cli import connect, datadir
from mailtalk import clock
from mailtalk.errors import MailtalkError
from mailtalk.inbound.handover import HandedMail, store
from mailtalk.keys import Keyring
from mailtalk.settings.load import Settings, SettingsError
from worker.bell import PROCESS_INBOUND, Bell

HELP = """Take one mail from stdin, as an MTA's pipe gives it. Its 0 means: on disk.

\b
In Postfix's master.cf, with mailtalk_destination_recipient_limit = 1 in main.cf:
  mailtalk unix - n n - 10 pipe flags=Rq user=mailtalk
    argv=/opt/mailtalk/bin/mailtalk deliver --sender ${sender} ${recipient}
In Exim: a pipe transport with
  command = /opt/mailtalk/bin/mailtalk deliver --sender $sender_address $local_part@$domain

\b
Exit codes: 0 stored; 65 too large or empty; 67 none of the recipients is ours; 75 trouble here, try again later.
"""
DATA_ERROR, NO_USER, TRY_AGAIN = os.EX_DATAERR, os.EX_NOUSER, os.EX_TEMPFAIL


@click.command(help=HELP)
@click.option("--sender", default="", metavar="ADDRESS", help="Envelope sender; empty for a bounce.")
@click.argument("recipients", nargs=-1, required=True, metavar="RECIPIENT...")
def deliver(sender: str, recipients: tuple[str, ...]) -> None:
    """Take one mail from stdin."""
    try:
        sys.exit(_deliver(datadir.settings("database_url", "redis_url", "secret_key"), sender.strip("<>"), recipients))
    except (MailtalkError, SettingsError, click.ClickException, OSError) as error:
        click.echo(f"mailtalk: {error}", err=True)
        sys.exit(TRY_AGAIN)


def _deliver(settings: Settings, sender: str, recipients: tuple[str, ...]) -> int:
    raw = sys.stdin.buffer.read(settings.smtp_message_bytes + 1)
    if not raw.strip() or len(raw) > settings.smtp_message_bytes:
        click.echo("mailtalk: the mail is empty, or larger than MAILTALK_SMTP_MESSAGE_BYTES", err=True)
        return DATA_ERROR
    keyring = Keyring.from_setting(settings.require("secret_key"))
    mail = HandedMail(sender, recipients, raw)
    with connect.transaction(settings) as session:
        unknown = store(session, keyring, settings.reply_domain, mail, clock.now())
    if len(unknown) == len(set(recipients)):
        click.echo("mailtalk: no such mailbox here", err=True)
        return NO_USER
    with closing(Bell(settings)) as bell:
        bell.ring(PROCESS_INBOUND)
    return 0
