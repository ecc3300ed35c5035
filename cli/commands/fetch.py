"""`mailtalk fetch`: mail from IMAP folders."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from threading import Event, Thread

import click

from cli import datadir, logs, start
from cli.fetch.fetcher import Fetcher, FetchRules, Trouble
from cli.fetch.imap_folder import ImapAccount
from mailtalk.db.database import Database
from worker.bell import PROCESS_INBOUND, Bell

GRACE = 10.0  # seconds to finish the mail in hand


@click.command()
@click.option("--once", is_flag=True, help="Take what is there and end; exit code 75 if it must be tried again.")
def fetch(*, once: bool) -> None:
    """Take mail from IMAP folders, as it arrives.

    MAILTALK_IMAP_URL names them: imaps://USER:PASSWORD@HOST/FOLDER. Mails to addresses of ours are stored, then moved
    to MAILTALK_IMAP_DONE_FOLDER; others stay, or are moved to MAILTALK_IMAP_OTHER_FOLDER.
    """
    logs.setup()
    settings = start.checked_settings()
    accounts = [ImapAccount(url.strip()) for url in settings.require("imap_url").split(",")]
    keyring, rules = datadir.keyring(settings), FetchRules.of(settings)
    with closing(Database(datadir.url_of(settings), pool=len(accounts))) as database, closing(Bell(settings)) as bell:
        ring = partial(bell.ring, PROCESS_INBOUND)
        fetchers = [Fetcher(account, database, keyring, rules, ring) for account in accounts]
        if once:
            sys.exit(_once(fetchers))
        _watch(fetchers)


def _once(fetchers: Sequence[Fetcher]) -> int:
    code = 0
    for fetcher in fetchers:
        try:
            fetcher.once()
        except Trouble as error:
            click.echo(f"mailtalk: {error}", err=True)
            code = os.EX_TEMPFAIL
    return code


def _watch(fetchers: Sequence[Fetcher]) -> None:
    """Watch all folders until SIGTERM or SIGINT."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [Thread(target=fetcher.run, args=(stop,), daemon=True) for fetcher in fetchers]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(GRACE)
