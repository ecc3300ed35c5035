"""`mailtalk mails`: captured mails, as their readers see them."""

import email
import email.policy
from collections.abc import Sequence

import click
from sqlalchemy import select

from cli import connect, datadir
from mailtalk.models import Delivery
from mailtalk.outbound.deliveries import seal_name
from mailtalk.vocabulary import Stage

SHOWN = ("Date", "From", "To", "Reply-To", "Subject")


@click.command()
@click.option("--to", "address", help="Only mails to this address.")
@click.option("--limit", default=20, show_default=True, help="How many of the newest.")
@click.option("--source", is_flag=True, help="Print them as they would be sent, headers included.")
def mails(address: str | None, limit: int, *, source: bool) -> None:
    """Show captured mails: those made while MAILTALK_RELAY_URL is not set.

    Oldest first. Each shows its Reply-To, the secret address for its reader's answer.
    """
    print_mail = _print_source if source else _print_mail
    captured = _captured(address, limit)
    for row, content in captured:
        print_mail(row, content)
    if not captured and not source:
        click.echo("No captured mail yet. A mail is made after MAILTALK_QUIET_SECONDS without a new message.")


def _captured(address: str | None, limit: int) -> Sequence[tuple[Delivery, bytes]]:
    settings = datadir.settings("database_url", "secret_key")
    keyring = datadir.keyring(settings)
    query = select(Delivery).where(Delivery.stage == Stage.CAPTURED).order_by(Delivery.ended_at.desc()).limit(limit)
    if address is not None:
        query = query.where(Delivery.address == address)
    with connect.transaction(settings) as session:
        rows = list(session.scalars(query))
    return [(row, keyring.unseal(row.body_sealed, about=seal_name(row.id))) for row in reversed(rows)]


def _print_source(row: Delivery, content: bytes) -> None:
    """Print a mail below a line with its length in bytes."""
    click.echo(f"# {row.id} {len(content)}")
    click.echo(content)


def _print_mail(row: Delivery, content: bytes) -> None:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    click.secho(f"── mail {row.id} ".ljust(78, "─"), dim=True)
    for name in SHOWN:
        if mail[name] is not None:
            click.echo(f"{name + ':':<10}{mail[name]}")
    body = mail.get_body(("plain",))
    click.echo(f"\n{body.get_content().strip() if body else ''}\n")
