"""Greeting of `mailtalk up`: a link to the console, the addresses of everything, and what to try."""

import os
import shlex
import sys
from pathlib import Path
from string import Template

from mailtalk.settings.load import PREFIX, Settings

TEXT = Template("""
Mailtalk is up. Ctrl-C stops it.

  Open this  $link
             It logs in once, and shows the first five minutes. Another one: $command console link

  API        $api
  SMTP       $smtp (replies to …@$domain)
  Database   $database
  Broker     $broker
  App        $app
  Secret     $secret

In another terminal, a world to look at, and the mails ($mail):

$command demo
$command mails
""")


def text(settings: Settings, secret: str, link: str) -> str:
    """Format the greeting, with a link that logs in to the console."""
    return TEXT.substitute(
        link=link,
        api=f"http://{address(settings.api_host, settings.api_port)}",
        smtp=address(settings.smtp_host, settings.smtp_port),
        domain=settings.reply_domain,
        database=_kept_by(settings, "PostgreSQL", "database_url"),
        broker=_kept_by(settings, "Valkey", "redis_url"),
        app=settings.app_id,
        secret=secret,
        mail="captured, since no relay is set" if settings.relay_url is None else "and whether they were sent",
        command=_command(),
    )


def address(host: str, port: int) -> str:
    """Address, host:port, for programs on this machine to reach a server that listens at `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
    return f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}"


def _kept_by(settings: Settings, server: str, setting: str) -> str:
    if getattr(settings, setting) is not None:
        return f"your own, from {PREFIX}{setting.upper()}"
    return f"embedded {server}, in {settings.data_dir.absolute()}"


def _command() -> str:
    """Command line of `mailtalk`, to be typed in the directory of `mailtalk up`."""
    script = Path(sys.argv[0]).absolute()
    shown = script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script
    there = os.environ.get(f"{PREFIX}DATA_DIR")
    return (f"{PREFIX}DATA_DIR={shlex.quote(there)} " if there else "") + shlex.quote(str(shown))
