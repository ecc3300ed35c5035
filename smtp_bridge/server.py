"""Process `mailtalk bridge`: one event loop with a listener for SMTP, and one for LMTP where its port is set."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial

import uvloop

from mailtalk import hosts
from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.settings.load import PREFIX, Settings, SettingsError
from smtp_bridge.handler import BridgeHandler
from smtp_bridge.limits import SessionLimits
from smtp_bridge.lmtp import LmtpSession
from smtp_bridge.protocol import SmtpSession
from smtp_bridge.quotas import MailQuotas
from smtp_bridge.session_context import SessionContext
from smtp_bridge.tls import Certificate
from worker import open_files
from worker.bell import PROCESS_INBOUND, Bell

BACKLOG = 1_000
DRAIN = 3.0  # seconds for the mails being received at shutdown; below the grace of `mailtalk up`
LAST = 8.0  # seconds from SIGTERM until the process exits in any case
FILES = 200  # open files besides the sessions'

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT; SIGHUP reloads the certificate."""
    open_files.allow(settings.smtp_sessions + FILES)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    certificate = Certificate.of(settings)
    loop.add_signal_handler(signal.SIGHUP, certificate.renew if certificate else _nothing_to_read)
    async with listening(settings, certificate):
        await stopped.wait()
        _force_exit()


@asynccontextmanager
async def listening(settings: Settings, certificate: Certificate | None = None) -> AsyncIterator[None]:
    """Listen while the block runs; then let mails being received and commits in progress finish."""
    _silence()
    keyring = Keyring.from_setting(settings.require("secret_key"))
    limits = SessionLimits(settings)
    async with AsyncExitStack() as ends:
        database = ends.enter_context(closing(Database(settings.require("database_url"))))
        bell = ends.enter_context(closing(Bell(settings)))
        handler = BridgeHandler(database, keyring, settings, partial(bell.ring, PROCESS_INBOUND))
        ends.push_async_callback(handler.close)
        ends.push_async_callback(limits.drain, DRAIN)
        context = SessionContext(
            settings, handler, limits, MailQuotas(settings), certificate, hosts.networks(settings.smtp_proxy_from)
        )
        ends.callback((await _listen(context, SmtpSession, settings.smtp_port)).close)
        if settings.lmtp_port:
            ends.callback((await _listen(context, LmtpSession, settings.lmtp_port)).close)
        yield


async def _listen(context: SessionContext, kind: type[SmtpSession], port: int) -> asyncio.Server:
    """Listen; other bridges may listen at the same port, and the kernel distributes connections."""
    host = context.settings.smtp_host
    try:
        server = await asyncio.get_running_loop().create_server(
            partial(kind, context), host, port, backlog=BACKLOG, reuse_port=True
        )
    except OSError as error:
        where = f"{PREFIX}{kind.setting} = {port}, {PREFIX}SMTP_HOST = '{host}'"
        raise SettingsError(f"{where}: {error.strerror or error}") from None
    log.info("listening on %s:%d for mail to %s", host, port, context.settings.reply_domain)
    return server


def _silence() -> None:
    for name in ("mail.log", "mail.debug"):  # aiosmtpd logs recipients' addresses, which are secrets
        logging.getLogger(name).disabled = True


def _force_exit() -> None:
    """Exit even if the database hangs: clients without a reply try again."""
    timer = threading.Timer(LAST, os._exit, [0])
    timer.daemon = True
    timer.start()


def _nothing_to_read() -> None:
    log.info("SIGHUP: no certificate is set, nothing to reload")
