"""Greeting of `mailtalk up`: the addresses of everything, and three commands to try."""

import os
import shlex
import sys
from pathlib import Path
from string import Template

from mailtalk.settings.load import PREFIX, Settings

TEXT = Template("""
Mailtalk is up. Ctrl-C stops it.

  API       $api
  SMTP      $smtp (replies to …@$domain)
  Database  $database
  Broker    $broker
  App       $app
  Secret    $secret

Three commands to try, in another terminal:

1. Alice and Bob join a conversation:

curl -sS -X PUT $api/v1/$app/users/alice $headers -d '{"name": "Alice", "email": "alice@example.com"}'
curl -sS -X PUT $api/v1/$app/users/bob $headers -d '{"name": "Bob", "email": "bob@example.com"}'
curl -sS -X PUT $api/v1/$app/conversations/hello $headers -d '{"subject": "Hello"}'
curl -sS -X PUT $api/v1/$app/conversations/hello/participants/alice $headers
curl -sS -X PUT $api/v1/$app/conversations/hello/participants/bob $headers

2. Alice writes a message:

curl -sS -X POST $api/v1/$app/conversations/hello/messages $headers \\
  -d '[{"type": "UserMessage", "sender": "alice", "text": "Hi Bob"}]'

3. See $mail (a mail is made when its conversation was quiet for $quiet s):

$mails
""")


def text(settings: Settings, secret: str) -> str:
    """Format the greeting."""
    return TEXT.substitute(
        api=f"http://{address(settings.api_host, settings.api_port)}",
        smtp=address(settings.smtp_host, settings.smtp_port),
        domain=settings.reply_domain,
        database=_kept_by(settings, "PostgreSQL", "database_url"),
        broker=_kept_by(settings, "Valkey", "redis_url"),
        app=settings.app_id,
        secret=secret,
        headers=f"-H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json'",
        mail="the mail to Bob, captured" if settings.relay_url is None else "the mail to Bob, and whether it was sent",
        quiet=f"{settings.quiet_seconds:g}",
        mails=_mails_command(),
    )


def address(host: str, port: int) -> str:
    """Address, host:port, for programs on this machine to reach a server that listens at `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
    return f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}"


def _kept_by(settings: Settings, server: str, setting: str) -> str:
    if getattr(settings, setting) is not None:
        return f"your own, from {PREFIX}{setting.upper()}"
    return f"embedded {server}, in {settings.data_dir.absolute()}"


def _mails_command() -> str:
    """Command line of `mails`, to be typed in the directory of `mailtalk up`."""
    script = Path(sys.argv[0]).absolute()
    shown = script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script
    there = os.environ.get(f"{PREFIX}DATA_DIR")
    return (f"{PREFIX}DATA_DIR={shlex.quote(there)} " if there else "") + shlex.join([str(shown), "mails"])
