"""`mailtalk bridge`: the SMTP server for inbound mail."""

import click

from cli import extras, logs, start
from smtp_bridge.server import run


@click.command()
def bridge() -> None:
    """Receive mail for the reply domain by SMTP.

    It listens at MAILTALK_SMTP_HOST:MAILTALK_SMTP_PORT (127.0.0.1:8025).
    """
    logs.setup()
    settings = start.checked_settings()
    start.keep_readable(settings)
    extras.start("bridge", settings)
    run(settings)
