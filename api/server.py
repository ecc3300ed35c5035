"""Process `mailtalk api`: uvicorn on uvloop."""

import logging
import signal
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

import uvicorn
from starlette.routing import BaseRoute

from api import connection
from api.app import build
from mailtalk.settings.load import PREFIX, Settings, SettingsError
from worker import open_files

BACKLOG = 2_048
GRACE = 5  # seconds that requests in progress have at shutdown
FILES = 200  # open files besides the connections'

log = logging.getLogger(__name__)


def run(settings: Settings, more: Sequence[BaseRoute] = ()) -> None:
    """Serve the API and `more` routes until SIGTERM or SIGINT. SettingsError if the port cannot be used."""
    open_files.allow(settings.http_connections + FILES)
    served = server(settings, more)
    listener = listen(settings)
    log.info("serving at http://%s:%d", settings.api_host, settings.api_port)
    signal.signal(signal.SIGTERM, _end)  # uvicorn stops at the signal, and then raises it again
    served.run(sockets=[listener])


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def server(settings: Settings, more: Sequence[BaseRoute] = ()) -> uvicorn.Server:
    """Make the server."""
    return uvicorn.Server(
        uvicorn.Config(
            build(settings, more),
            loop="uvloop",
            http=connection.protocol(settings),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=settings.http_proxy_from is not None,
            forwarded_allow_ips=settings.http_proxy_from,
            backlog=BACKLOG,
            timeout_keep_alive=settings.http_keep_alive_seconds,
            timeout_graceful_shutdown=GRACE,
        )
    )


def listen(settings: Settings) -> socket.socket:
    """Bind and listen. SettingsError names the setting, and says what to do."""
    host, port = settings.api_host, settings.api_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"{PREFIX}API_PORT = {port}, {PREFIX}API_HOST = '{host}'"
        text = error.strerror or str(error)
        raise SettingsError(f"{where}: {text}. Stop what listens there, or set another one") from None
