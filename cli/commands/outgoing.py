"""The commands about mails that are not sent; each imports what it needs when it runs."""

# ruff: noqa: PLC0415 - so that help comes at once

from uuid import UUID

import click

from cli.commands.operate import app_option, json_option, limit_option

what_option = click.option("--id", "delivery_id", type=click.UUID, help="Only this one; else all of the app.")


@click.group(name="suppressions")
def suppressions() -> None:
    """Addresses to which nothing is sent for now.

    They do not exist (dead, for MAILTALK_SUPPRESS_DAYS), refused too much within a short time (failing), or their
    owner called a mail spam (complained, until it is released). A mail from there releases an address by itself.
    """


@suppressions.command(name="list")
@app_option
@limit_option
@json_option
def list_suppressions(app_id: str, limit: int, *, as_json: bool) -> None:
    """List them."""
    from cli.datadir import settings
    from cli.show.outgoing import suppressed

    suppressed(settings("database_url"), app_id, limit, as_json=as_json)


@suppressions.command()
@app_option
@click.argument("address")
def release(app_id: str, address: str) -> None:
    """Let mail to an address go again."""
    from cli.datadir import settings
    from cli.show.outgoing import release as let

    let(settings("database_url"), app_id, address)


@click.group()
def held() -> None:
    """Mails of which nobody knows whether they went, while MAILTALK_UNKNOWN=hold."""


@held.command(name="list")
@app_option
@limit_option
@json_option
def list_held(app_id: str, limit: int, *, as_json: bool) -> None:
    """List them, oldest first."""
    from cli.datadir import settings
    from cli.show.outgoing import show_held as show

    show(settings("database_url"), app_id, limit, as_json=as_json)


@held.command()
@app_option
@what_option
def send(app_id: str, delivery_id: UUID | None) -> None:
    """Send them again: same bytes, same Message-ID."""
    from cli.datadir import settings
    from cli.show.outgoing import decide

    decide(settings("database_url"), app_id, delivery_id, again=True)


@held.command()
@app_option
@what_option
def drop(app_id: str, delivery_id: UUID | None) -> None:
    """Never send them again."""
    from cli.datadir import settings
    from cli.show.outgoing import decide

    decide(settings("database_url"), app_id, delivery_id, again=False)


OUTGOING = (suppressions, held)
