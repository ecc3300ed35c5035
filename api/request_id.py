"""Request ids: X-Request-ID of a request, else a new one; in the response's header and in every line of the log."""

import re
import secrets
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import response_start

HEADER = b"x-request-id"
_CLEAN = re.compile(rb"[A-Za-z0-9._~:/+=-]{1,128}")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class RequestIds:
    """ASGI middleware that sets `request_id` while a request is served, and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        value = _given(scope) or secrets.token_hex(16).encode()
        request_id.set(value.decode())  # not reset: each request has a context of its own, and an error is logged later

        def add_id(start: Message) -> None:
            start["headers"] = [*start.get("headers", ()), (HEADER, value)]

        await self._app(scope, receive, response_start.noticed(send, add_id))


def _given(scope: Scope) -> bytes | None:
    """The client's id, if it is a plain word."""
    value = dict(scope["headers"]).get(HEADER, b"")
    return value if _CLEAN.fullmatch(value) else None
