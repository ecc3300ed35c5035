"""ASGI middleware: the path as the client quoted it, and a limit of requests for each client host."""

from starlette.types import ASGIApp, Receive, Scope, Send

from api import errors
from api.rate_limits import RateLimits
from mailtalk import hosts
from mailtalk.errors import TooMany


class QuotedPath:
    """ASGI middleware: route by the path before percent-decoding, so that ids can hold slashes; drop a final slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path of HTTP requests."""
        if scope["type"] == "http":
            path = scope["raw_path"].decode("latin-1").partition("?")[0]
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


class LimitedHosts:
    """ASGI middleware: count the requests of each client host, and answer 429 above the limit."""

    def __init__(self, app: ASGIApp, rates: RateLimits) -> None:
        self._app, self._rates = app, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count HTTP requests."""
        if scope["type"] == "http":
            try:
                self._rates.count_host(hosts.key(scope["client"] and scope["client"][0]))
            except TooMany as error:
                await errors.answer(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
