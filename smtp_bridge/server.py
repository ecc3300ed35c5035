"""The process `mailtalk bridge`: one event loop that listens for SMTP."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import uvloop

from mailtalk.db import Database
from mailtalk.keys import Keyring
from mailtalk.settings import Settings
from smtp_bridge.handler import Bridge, Handler
from worker.bell import PROCESS_INBOUND, Bell

SIZE_LIMIT = 25 * 1024 * 1024  # bytes
SESSION_TIMEOUT = 300.0  # seconds; RFC 5321 4.5.3.2.7 asks for five minutes
BACKLOG = 1_000

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    async with listening(settings):
        await stopped.wait()


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[asyncio.Server]:
    """Listen while the block runs; then finish the commits under way."""
    logging.getLogger("mail.log").disabled = True  # aiosmtpd would log recipients' addresses, which are secrets
    database = Database(settings.require("database_url"))
    bell = Bell(settings)
    keyring = Keyring.from_setting(settings.require("secret_key"))
    handler = Handler(database, keyring, settings.reply_domain, partial(bell.ring, PROCESS_INBOUND))
    server = await asyncio.get_running_loop().create_server(
        partial(_protocol, handler, settings), settings.smtp_host, settings.smtp_port, backlog=BACKLOG
    )
    log.info("listening on %s:%d for mail to %s", settings.smtp_host, settings.smtp_port, settings.reply_domain)
    try:
        yield server
    finally:
        server.close()
        await handler.close()
        bell.close()
        database.close()


def _protocol(handler: Handler, settings: Settings) -> Bridge:
    return Bridge(
        handler,
        data_size_limit=SIZE_LIMIT,
        enable_SMTPUTF8=True,
        hostname=settings.reply_domain,
        ident="Mailtalk",
        timeout=SESSION_TIMEOUT,
        loop=asyncio.get_running_loop(),
    )
