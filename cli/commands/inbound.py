"""`mailtalk inbound`: the log of inbound mails, their raw bytes, replay and release from quarantine."""

from collections.abc import Callable
from typing import Any

import click
import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.schemas.inbound import InboundMail
from cli import connect, datadir, printing
from cli.options import IdType, any_app_option, json_option, limit_option
from mailtalk import clock, sealed_mail
from mailtalk.conversations import apps
from mailtalk.errors import NotFound
from mailtalk.ids import MAIL
from mailtalk.inbound import log as inbound_log
from mailtalk.inbound import quarantine
from mailtalk.inbound.receive import RAW_SEAL
from mailtalk.models import InboundMail as InboundMailRow
from mailtalk.models import RawMail
from mailtalk.vocabulary import Outcome

HELP = """See the outcome of each inbound mail, and process one again.

\b
  mailtalk inbound list                        the newest mails: outcome, verdict, reason
  mailtalk inbound list --outcome quarantined  waiting for a decision
  mailtalk inbound list --app demo --user bob  mails to Bob's addresses
  mailtalk inbound show 12                     one of them, with its checks and its outcome
  mailtalk inbound show 12 --raw > mail.eml    as it came, byte for byte
  mailtalk inbound release 12                  out of quarantine: posted if still allowed
  mailtalk inbound replay 12                   process it again from its bytes, with every check

\b
The outcome says what happened, the verdict what the mail is, the reason which sign decided:
  posted        became a message
  unsubscribed  turned the participant's mails off
  ignored       from a program (loop, bounce, complaint, auto-reply, auto-generated, list),
                without text (empty), or delivered twice (duplicate)
  refused       the participant may no longer write (no-access), or the mail is unreadable
  quarantined   perhaps not from the participant (sender), or too many (flood)
  failed        an internal error, five times; kept, replay it once that is fixed
  received      waits for a worker, or for the DNS (dns-temperror)

Raw bytes are kept for MAILTALK_RAW_MAIL_DAYS; after that a mail can be seen here, but not processed again.
"""
COLUMNS = {
    "id": "id",
    "received": "receivedAt",
    "app": "appId",
    "conversation": "conversationId",
    "user": "userId",
    "outcome": "outcome",
    "verdict": "verdict",
    "reason": "reason",
}

mail_id_argument = click.argument("mail_id", metavar="ID", type=IdType(MAIL, bare=True))


@click.group(help=HELP)
def inbound() -> None:
    """See the outcome of each inbound mail."""


@inbound.command(name="list")
@any_app_option
@click.option("--conversation", "conversation_id", metavar="ID", help="Only mails to this conversation.")
@click.option("--user", "user_id", metavar="ID", help="Only mails to addresses of this user.")
@click.option("--outcome", type=click.Choice(list(map(str, Outcome))), help="Only mails with this outcome.")
@limit_option
@json_option
def list_mails(limit: int, *, as_json: bool, **filters: str | None) -> None:
    """List inbound mails, newest first; those to postmaster have no app."""
    columns = {name: value for name, value in filters.items() if value is not None}
    query = select(InboundMailRow).filter_by(**columns).order_by(InboundMailRow.id.desc()).limit(limit)
    with connect.transaction() as session:
        if "app_id" in columns:
            apps.found(session, columns["app_id"])
        rows = [_shown(row) for row in session.scalars(query)]
    printing.listing(COLUMNS, rows, "No inbound mails.", as_json=as_json)


@inbound.command()
@mail_id_argument
@click.option("--raw", is_flag=True, help="Write the mail's bytes to stdout, unescaped: the sender chose them.")
@json_option
def show(mail_id: int, *, raw: bool, as_json: bool) -> None:
    """Show one mail: its checks, and its outcome."""
    if raw:
        click.echo(_raw(mail_id), nl=False)
        return
    with connect.transaction() as session:
        row = _get(session, mail_id)
        content = _shown(row) | {"elided": inbound_log.elided(session, row), "evidence": row.evidence}
    if as_json:
        printing.print_json(content)
    else:
        printing.fields(content)


def _raw(mail_id: int) -> bytes:
    settings = datadir.settings("database_url", "secret_key")
    with connect.transaction(settings) as session:
        raw = session.get(RawMail, _get(session, mail_id).raw_id or 0)
        if raw is None:
            raise NotFound(["its raw bytes were purged; see MAILTALK_RAW_MAIL_DAYS"])
        return sealed_mail.unseal(datadir.keyring(settings), raw.sealed, RAW_SEAL)


@inbound.command()
@mail_id_argument
def replay(mail_id: int) -> None:
    """Have a worker process a mail again from its raw bytes, with every check.

    For mails that failed, or were refused, quarantined or ignored. One that became a message is not posted twice.
    """
    _change(mail_id, quarantine.replay)


@inbound.command()
@mail_id_argument
def release(mail_id: int) -> None:
    """Release a mail from quarantine; a worker processes it.

    Its sender is not checked again; the participant's access is.
    """
    _change(mail_id, lambda row: quarantine.release(row, clock.now()))


def _change(mail_id: int, verb: Callable[[InboundMailRow], None]) -> None:
    with connect.transaction() as session:
        row = _get(session, mail_id, lock=True)
        verb(row)
        outcome = row.outcome
    click.echo(f"mail {mail_id} is {outcome}" + (": a worker will process it" if outcome == Outcome.RECEIVED else ""))


def _get(session: Session, mail_id: int, *, lock: bool = False) -> InboundMailRow:
    row = session.get(InboundMailRow, mail_id, with_for_update=lock or None)
    if row is None:
        raise NotFound([f"no mail {mail_id}; see: mailtalk inbound list"])
    return row


def _shown(row: InboundMailRow) -> dict[str, Any]:
    mail: dict[str, Any] = msgspec.to_builtins(InboundMail.of(row))
    return {"id": mail.pop("id"), "appId": row.app_id, **mail, "attempts": row.attempts}
