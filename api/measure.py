"""Measured requests: duration by route, method and status, for the metrics."""

import time

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import response_start
from worker import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


class Measured:
    """ASGI middleware that measures the time until a response starts. Routing sets the route in its own scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else OTHER

        def measure(start: Message) -> None:
            seconds = time.perf_counter() - began
            metrics.HTTP.labels(route_of(scope), method, start["status"]).observe(seconds)

        await self._app(scope, receive, response_start.noticed(send, measure))


def route_of(scope: Scope) -> str:
    """Path of the route that serves a request, with the names of its parameters; "other" if none does."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else OTHER
