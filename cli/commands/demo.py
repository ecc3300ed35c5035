"""`mailtalk demo`: fill in a believable set of apps, conversations and mails."""

import time
from collections.abc import Callable
from typing import TypeVar

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from cli import connect, datadir
from cli.demo import answers, fill
from cli.demo.world import DemoApp, DemoConversation, DemoMail, load
from console import mail_views
from mailtalk import clock, sealed_mail
from mailtalk.conversations import apps
from mailtalk.db.database import Database
from mailtalk.models import Delivery
from mailtalk.outbound.deliveries import seal_name
from mailtalk.settings.load import PREFIX, Settings

PATIENCE = 60.0  # seconds for the workers

Result = TypeVar("Result")


@click.command()
def demo() -> None:
    """Fill in a believable set of apps, conversations and mails, to look at in the console.

    Five apps in as many languages, with answers by mail, a file, an absence notice, a bounce, and a mail in quarantine.
    Beside `mailtalk up`, whose workers make the mails; apps that are there already are left alone.
    """
    settings = datadir.settings()
    if settings.relay_url is not None:
        raise click.ClickException(f"the mails of the demo would be sent: unset {PREFIX}RELAY_URL")
    with connect.database(settings) as database:
        for app in load().apps:
            _fill(database, settings, app)
        click.echo(f"Look at {settings.base_url}/console")


def _fill(database: Database, settings: Settings, app: DemoApp) -> None:
    with database.transaction() as session:
        if apps.get(session, app.id) is not None:
            click.echo(f"{app.id} is there already")
            return
        joins = fill.create(session, datadir.keyring(settings), clock.now(), app)
    click.echo(f"{app.id}: {len(app.users)} people …")
    _wait(database, f"the joins of {app.id} are applied", lambda session: fill.are_applied(session, app.id, joins))
    for conversation in app.conversations:
        with database.transaction() as session:
            fill.write(session, clock.now(), app, conversation)
    for conversation in app.conversations:
        for mail in conversation.mails:
            _answer(database, settings, app, conversation, mail)


def _answer(
    database: Database, settings: Settings, app: DemoApp, conversation: DemoConversation, answer: DemoMail
) -> None:
    keyring, reader = datadir.keyring(settings), {"conversation_id": conversation.id, "user_id": answer.by}
    query = select(Delivery).filter_by(app_id=app.id, **reader).order_by(Delivery.created_at).limit(1)
    row = _wait(database, f"{answer.by} is mailed", lambda session: session.scalar(query))
    mail = mail_views.view(sealed_mail.unseal(keyring, row.body_sealed, seal_name(row.id)), None)
    answers.send(settings, keyring, row.id, mail, answer, clock.now())
    click.echo(f"  {answer.by} answers ({answer.kind})")


def _wait(database: Database, what: str, look: Callable[[Session], Result | None]) -> Result:
    """Look until there is something; ClickException if there is nothing in time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with database.transaction() as session:
            seen = look(session)
        if seen:
            return seen
        time.sleep(0.2)
    raise click.ClickException(f"not within {PATIENCE:g} s: {what}. Does `mailtalk up` run?")
