"""Measured requests: duration by method and status, for the metrics."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Measured:
    """ASGI middleware that measures the time until a response starts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else "other"

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.HTTP.labels(method, message["status"]).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, measured)
