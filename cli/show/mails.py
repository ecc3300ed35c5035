"""`mailtalk mails`: the mails we made, as their readers see them."""

import email
import email.policy
from collections.abc import Sequence

import click
from sqlalchemy import select

from cli import connect
from cli.datadir import key_of
from mailtalk.keys import Keyring
from mailtalk.models import Delivery
from mailtalk.outbound.deliveries import seal_name
from mailtalk.settings.load import Settings
from mailtalk.vocabulary import Stage

SHOWN = ("Date", "From", "To", "Reply-To", "Subject")


def listed(settings: Settings, to: str | None, limit: int) -> None:
    """Print captured mails, oldest first."""
    found = _captured(settings, to, limit)
    for row, source in found:
        _print(row, source)
    if not found:
        click.echo("No captured mail yet. A mail is made once its conversation was quiet for MAILTALK_QUIET_SECONDS.")


def source(settings: Settings, to: str | None, limit: int) -> None:
    """Print captured mails as they would go out, each behind a line that tells its length in bytes."""
    for row, content in _captured(settings, to, limit):
        click.echo(f"# {row.id} {len(content)}")
        click.echo(content)


def _captured(settings: Settings, to: str | None, limit: int) -> Sequence[tuple[Delivery, bytes]]:
    keyring = Keyring.from_setting(key_of(settings))
    query = select(Delivery).where(Delivery.stage == Stage.CAPTURED).order_by(Delivery.ended_at.desc()).limit(limit)
    if to is not None:
        query = query.where(Delivery.address == to)
    with connect.transaction(settings) as session:
        rows = list(session.scalars(query))
    return [(row, keyring.unseal(row.body_sealed, about=seal_name(row.id))) for row in reversed(rows)]


def _print(row: Delivery, content: bytes) -> None:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    click.secho(f"── mail {row.id} ".ljust(78, "─"), dim=True)
    for name in SHOWN:
        if mail[name] is not None:
            click.echo(f"{name + ':':<10}{mail[name]}")
    body = mail.get_body(("plain",))
    click.echo(f"\n{body.get_content().strip() if body else ''}\n")
