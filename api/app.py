"""ASGI application: routes, error handlers, and the services made at startup."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api import (
    app_settings,
    batch,
    bulk,
    changes,
    conversations,
    errors,
    files,
    handbook,
    health,
    inbound,
    messages,
    participants,
    reactions,
    routing,
    uploads,
    users,
    webhooks,
)
from api.auth import Credentials
from api.downloads import Downloads
from api.ingress import routes as ingress
from api.intake import Intake
from api.measure import Measured
from api.openapi import page
from api.pages import release
from api.pages import routes as pages
from api.rate_limits import RateLimits
from api.request import Services
from api.request_id import RequestIds
from api.uploads import Uploads
from api.waiting import Outcomes
from mailtalk import hosts
from mailtalk.db.database import Database
from mailtalk.errors import TooMany
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.notifications.windows import Pace
from mailtalk.settings.load import Settings
from mailtalk.webhooks.ssrf import SsrfGuard
from worker.bell import Bell

# Every operation, in the order in which /docs/api shows them.
OPERATIONS = routing.of(
    (
        *(app_settings, users, conversations, participants, bulk, changes, messages, reactions),
        *(uploads, files, webhooks, inbound, batch, health, page),
    )
)


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


def build(settings: Settings, more: Sequence[BaseRoute] = ()) -> ASGIApp:
    """Build the application from settings, with `more` routes than the API's: the console's."""
    database = Database(settings.require("database_url"), pool=32)
    keyring = Keyring.from_setting(settings.require("secret_key"))

    rates = RateLimits(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.bell = bell = Bell(settings)
        database.committed = bell.ring_for_events
        outcomes = Outcomes(database, settings.require("redis_url"))
        intake = Intake(database, bell, outcomes, settings.wait_seconds)
        outcomes.start()
        app.state.outcomes = outcomes
        app.state.downloads = Downloads(settings.http_downloads)
        app.state.uploads = Uploads(settings.smtp_message_bytes)
        app.state.services = services = Services(
            database,
            keyring,
            Credentials(database, keyring),
            intake,
            Pace.of(settings),
            settings.reply_domain,
            SsrfGuard(settings.webhook_allow_private),
            Links(keyring, settings.base_url, settings.file_url_seconds),
        )
        app.state.rates = rates
        rates.start()
        app.state.probe = health.Probe(services)
        yield
        await intake.close()
        await outcomes.stop()
        await rates.stop()
        bell.close()
        database.close()

    routes = [*routing.routes(OPERATIONS), *pages.routes(), *release.ROUTES, *handbook.routes()]
    routes = [*routes, *ingress.routes(settings), *more]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=errors.HANDLERS)
    app.state.description = page.Description(OPERATIONS, settings.base_url)
    limited = LimitedHosts(app, rates) if settings.host_requests_per_minute else app
    return RequestIds(Measured(QuotedPath(limited)))
