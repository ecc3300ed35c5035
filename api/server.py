"""Process `mailtalk api`: uvicorn on uvloop."""

import logging

import uvicorn

from api.app import build
from mailtalk.settings.load import Settings

KEEP_ALIVE = 75  # seconds: longer than ALB's and nginx's 60, so that they never reuse a connection we are closing
CONCURRENCY = 2_000  # connections; above it a 503
GRACE = 5  # seconds that requests in progress have at shutdown

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    log.info("serving at http://%s:%d", settings.api_host, settings.api_port)
    uvicorn.run(
        build(settings),
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        limit_concurrency=CONCURRENCY,
        timeout_graceful_shutdown=GRACE,
    )
