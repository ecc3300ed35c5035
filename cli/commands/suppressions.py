"""`mailtalk suppressions`: addresses that get no mail."""

import click

from cli import connect, printing, reports
from cli.options import app_option, json_option, limit_option
from mailtalk import clock
from mailtalk.conversations import apps
from mailtalk.errors import ErrorCode, NotFound
from mailtalk.outbound import suppressions as outbound_suppressions

COLUMNS = {"address": "address", "reason": "reason", "status": "status", "since": "since", "until": "until"}


@click.group()
def suppressions() -> None:
    """List addresses that get no mail, and release them.

    Their mailbox does not exist (dead, for MAILTALK_SUPPRESS_DAYS), refused too much within a short time (failing), or
    their owner reported a mail as spam (complained, for 180 days). A mail from an address releases it by itself.
    """


@suppressions.command(name="list")
@app_option
@limit_option
@json_option
def list_suppressions(app_id: str, limit: int, *, as_json: bool) -> None:
    """List the suppressed addresses of an app."""
    with connect.transaction() as session:
        apps.found(session, app_id)
        rows = [
            reports.SuppressionReport.of(row)
            for row in outbound_suppressions.listed(session, clock.now(), app_id, limit)
        ]
    printing.listing(COLUMNS, rows, "No address is suppressed.", as_json=as_json)


@suppressions.command()
@app_option
@click.argument("address")
def release(app_id: str, address: str) -> None:
    """Send mail to an address again."""
    with connect.transaction() as session:
        apps.found(session, app_id)
        if not outbound_suppressions.release(session, app_id, [address]):
            raise NotFound({"address": [f"{address!r} is not suppressed"]}, ErrorCode.SUPPRESSION_NOT_FOUND)
    click.echo(f"Released {printing.plain(address)}: it gets mail again.")
