"""Result of a test event sent to a webhook or channel."""

import time
from typing import Any

import click

from cli import connect, printing
from mailtalk.models import Webhook
from mailtalk.webhooks import log

PATIENCE = 12.0  # seconds


def wait_for_test(row: Webhook, event_id: int) -> bool:
    """Wait until a worker has sent the event, and print the result; True if it was accepted."""
    deadline = time.monotonic() + PATIENCE
    with connect.database() as database:
        while time.monotonic() < deadline:
            with database.transaction() as session:
                outcome = log.last_attempt(session, row, event_id)
            if outcome is not None:
                return _print(outcome)
            time.sleep(0.1)
    click.echo(f"no worker has sent it within {PATIENCE:g} s (the status is {row.status})")
    return False


def _print(outcome: Any) -> bool:
    parts = [f"{outcome.stage}:", str(outcome.status or ""), printing.plain(outcome.reply or "")]
    click.echo(" ".join(filter(None, parts)))
    return bool(outcome.stage == "sent")
