"""`mailtalk mails`: captured mails, as their readers see them."""

import email
import email.policy
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

import click
import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Select, select

from cli import connect, datadir, printing
from cli.options import json_option, limit_option
from mailtalk import sealed_mail
from mailtalk.db.database import Database
from mailtalk.errors import NotFound, Unavailable
from mailtalk.keys import Keyring
from mailtalk.models import Delivery
from mailtalk.outbound.deliveries import seal_name
from mailtalk.vocabulary import Stage

SHOWN = ("Date", "From", "To", "Reply-To", "Subject")
POLL = 0.5  # seconds
PrintMail = Callable[[Delivery, bytes], None]


class CapturedMail(msgspec.Struct, rename="camel"):
    """A captured mail; `source` are its bytes, in base64, if asked for by --source."""

    id: UUID
    app_id: str
    conversation_id: str
    user_id: str
    address: str
    captured_at: datetime | None
    subject: str
    reply_to: str
    text: str
    html: str
    source: bytes | UnsetType = UNSET


@click.command()
@click.option("--to", "address", metavar="ADDRESS", help="Only mails to this address.")
@limit_option
@click.option("--follow", is_flag=True, help="Go on with new mails until Ctrl-C.")
@click.option("--html", "form", flag_value="html", help="Show the HTML part.")
@click.option("--source", "form", flag_value="source", help="Write the newest mail, byte for byte: an .eml file.")
@click.option("--id", "mail_id", metavar="ID", type=click.UUID, help="Only this mail.")
@json_option
def mails(  # noqa: PLR0913  one for each option
    address: str | None, limit: int, form: str | None, mail_id: UUID | None, *, follow: bool, as_json: bool
) -> None:
    """Show captured mails: those made while MAILTALK_RELAY_URL is not set.

    Oldest first. Each shows its Reply-To, the secret address for its reader's answer.
    """
    if follow and (as_json or form == "source"):
        raise click.UsageError("--follow prints mails for people; leave out --json and --source")
    query = _query(address, mail_id)
    settings = datadir.settings("database_url", "secret_key")
    keyring = datadir.keyring(settings)
    with connect.database(settings) as database:
        newest = _newest(database, query, 1 if form == "source" and not as_json else limit)
        if as_json:
            printing.print_json([_captured(row, keyring, with_source=form == "source") for row in newest])
            return
        _print_all(newest, keyring, form)
        if follow:
            for row in _following(database, query, newest):
                _print_all([row], keyring, form)
        elif not newest and form != "source":
            click.echo("No captured mail yet. A mail is made after MAILTALK_QUIET_SECONDS without a new message.")
    if form == "source" and not newest:
        raise NotFound(["no such captured mail; see: mailtalk mails"])


def _query(address: str | None, mail_id: UUID | None) -> Select[Delivery]:
    query = select(Delivery).where(Delivery.stage == Stage.CAPTURED)
    if address is not None:
        query = query.where(Delivery.address == address)
    return query if mail_id is None else query.where(Delivery.id == mail_id)


def _newest(database: Database, query: Select[Delivery], limit: int) -> Sequence[Delivery]:
    """The newest mails, oldest first."""
    newest = query.order_by(Delivery.ended_at.desc(), Delivery.id.desc()).limit(limit)
    with database.transaction() as session:
        return list(reversed(session.scalars(newest).all()))


def _following(database: Database, query: Select[Delivery], seen: Sequence[Delivery]) -> Iterator[Delivery]:
    """New mails as they are captured."""
    known = {row.id for row in seen}
    while True:
        try:
            rows = _newest(database, query, 1_000)
        except Unavailable:
            rows = []
        yield from (row for row in rows if row.id not in known)
        known |= {row.id for row in rows}
        time.sleep(POLL)


def _print_all(rows: Sequence[Delivery], keyring: Keyring, form: str | None) -> None:
    forms: dict[str | None, PrintMail] = {"source": _print_source, "html": _print_html, None: _print_text}
    for row in rows:
        forms[form](row, _unsealed(row, keyring))


def _unsealed(row: Delivery, keyring: Keyring) -> bytes:
    return sealed_mail.unseal(keyring, row.body_sealed, seal_name(row.id))


def _captured(row: Delivery, keyring: Keyring, *, with_source: bool) -> CapturedMail:
    content = _unsealed(row, keyring)
    mail = _parsed(content)
    return CapturedMail(
        row.id,
        row.app_id,
        row.conversation_id,
        row.user_id,
        row.address,
        row.ended_at,
        str(mail["Subject"] or ""),
        str(mail["Reply-To"] or ""),
        _body(mail, "plain"),
        _body(mail, "html"),
        content if with_source else UNSET,
    )


def _print_source(_row: Delivery, content: bytes) -> None:
    click.echo(content, nl=False)


def _print_text(row: Delivery, content: bytes) -> None:
    mail = _print_head(row, content)
    click.echo(f"\n{_body(mail, 'plain')}\n")


def _print_html(row: Delivery, content: bytes) -> None:
    mail = _print_head(row, content)
    click.echo(f"\n{_body(mail, 'html')}\n")


def _print_head(row: Delivery, content: bytes) -> EmailMessage:
    mail = _parsed(content)
    click.secho(f"── mail {row.id} ".ljust(78, "─"), dim=True)
    for name in SHOWN:
        if mail[name] is not None:
            click.echo(f"{name + ':':<10}{mail[name]}")
    return mail


def _parsed(content: bytes) -> EmailMessage:
    mail: EmailMessage = email.message_from_bytes(content, policy=email.policy.default)
    return mail


def _body(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    return body.get_content().strip() if body else ""
