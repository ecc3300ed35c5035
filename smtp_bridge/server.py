"""The process `mailtalk bridge`: one event loop that listens for SMTP, and for LMTP where that is set."""

import asyncio
import logging
import os
import resource
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial

import uvloop

from mailtalk.db.database import Database
from mailtalk.keys import Keyring
from mailtalk.settings.load import PREFIX, Settings, SettingsError
from smtp_bridge import proxy
from smtp_bridge.handler import Handler
from smtp_bridge.limits import Guard
from smtp_bridge.lmtp import Lmtp
from smtp_bridge.protocol import Bridge
from smtp_bridge.tls import Certificate
from worker.bell import PROCESS_INBOUND, Bell

BACKLOG = 1_000
DRAIN = 3.0  # seconds for the mails that are being received when we stop; below the grace of `mailtalk up`
LAST = 8.0  # seconds until the process ends, whatever still goes on
FILES = 200  # beside the sessions'

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT; SIGHUP has the certificate read again."""
    _allow_files(settings.smtp_sessions + FILES)
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
        _insist()


@asynccontextmanager
async def listening(settings: Settings, certificate: Certificate | None = None) -> AsyncIterator[None]:
    """Listen while the block runs; then let the mails that are being received finish, and the commits under way."""
    _silence()
    keyring = Keyring.from_setting(settings.require("secret_key"))
    guard = Guard(settings)
    async with AsyncExitStack() as ends:
        database = ends.enter_context(closing(Database(settings.require("database_url"))))
        bell = ends.enter_context(closing(Bell(settings)))
        handler = Handler(
            database, keyring, settings.reply_domain, settings.smtp_recipients, partial(bell.ring, PROCESS_INBOUND)
        )
        ends.push_async_callback(handler.close)
        ends.push_async_callback(guard.drain, DRAIN)
        door = _Door(settings, handler, guard, certificate)
        ends.callback((await door.listen(Bridge, settings.smtp_port)).close)
        if settings.lmtp_port:
            ends.callback((await door.listen(Lmtp, settings.lmtp_port)).close)
        yield


@dataclass(frozen=True)
class _Door:
    """What every session shares."""

    settings: Settings
    handler: Handler
    guard: Guard
    certificate: Certificate | None

    async def listen(self, kind: type[Bridge], port: int) -> asyncio.Server:
        """Listen; other bridges may listen at the same port, and the kernel shares the clients out."""
        host = self.settings.smtp_host
        try:
            server = await asyncio.get_running_loop().create_server(
                partial(self._session, kind), host, port, backlog=BACKLOG, reuse_port=True
            )
        except OSError as error:
            where = f"{PREFIX}{kind.setting} = {port}, {PREFIX}SMTP_HOST = '{host}'"
            raise SettingsError(f"{where}: {error.strerror or error}") from None
        log.info("listening on %s:%d for mail to %s", host, port, self.settings.reply_domain)
        return server

    def _session(self, kind: type[Bridge]) -> Bridge:
        return kind(
            self.handler, self.guard, self.settings, self.certificate, proxy.networks(self.settings.smtp_proxy_from)
        )


def _silence() -> None:
    for name in ("mail.log", "mail.debug"):  # aiosmtpd would log recipients' addresses, which are secrets
        logging.getLogger(name).disabled = True


def _insist() -> None:
    """End also when a database that hangs would hold us up: whoever has no answer by then comes again."""
    timer = threading.Timer(LAST, os._exit, [0])
    timer.daemon = True
    timer.start()


def _nothing_to_read() -> None:
    log.info("there is no certificate to be read again")


def _allow_files(count: int) -> None:
    """Have a socket for each session, as far as we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
