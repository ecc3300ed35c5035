"""ASGI application: routes, error handlers, and the services made at startup."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

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
from api.middleware import LimitedHosts, QuotedPath
from api.openapi import page
from api.pages import photo, release, thumbnail
from api.pages import routes as pages
from api.pages.photo import Photos
from api.rate_limits import RateLimits
from api.request import Services
from api.request_id import RequestIds
from api.uploads import Uploads
from api.waiting import Outcomes
from mailtalk.db.database import Database
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.mail.address import AddressScheme
from mailtalk.notifications.windows import Pace
from mailtalk.settings.load import Settings
from mailtalk.webhooks.ssrf import SsrfGuard
from worker import tracing
from worker.bell import Bell

# Every operation, in the order in which /docs/api shows them.
OPERATIONS = routing.of(
    (
        *(app_settings, users, conversations, participants, bulk, changes, messages, reactions),
        *(uploads, files, webhooks, inbound, batch, health, page),
    )
)


def build(settings: Settings, more: Sequence[BaseRoute] = ()) -> ASGIApp:
    """Build the application from settings, with `more` routes than the API's: the console's."""
    rates = RateLimits(settings)
    app = Starlette(
        routes=_routes(settings, more),
        lifespan=lambda app: _serving(app, settings, rates),
        exception_handlers=errors.HANDLERS,
    )
    app.state.description = page.Description(OPERATIONS, settings.base_url)
    limited = LimitedHosts(app, rates) if settings.host_requests_per_minute else app
    measured = Measured(limited)
    return RequestIds(QuotedPath(tracing.active.requests(measured) if tracing.active else measured))


def _routes(settings: Settings, more: Sequence[BaseRoute]) -> list[BaseRoute]:
    linked = [*pages.routes(), *release.ROUTES, *thumbnail.ROUTES, *photo.ROUTES]  # from mails
    return [*routing.routes(OPERATIONS), *linked, *handbook.routes(), *ingress.routes(settings), *more]


@asynccontextmanager
async def _serving(app: Starlette, settings: Settings, rates: RateLimits) -> AsyncIterator[None]:
    """Services of the process, while it serves."""
    database, bell = Database(settings.require("database_url"), pool=32), Bell(settings)
    database.committed = bell.ring_for_events
    outcomes = Outcomes(database, settings.require("redis_url"))
    intake = Intake(database, bell, outcomes, settings.wait_seconds)
    outcomes.start()
    rates.start()
    app.state.bell, app.state.outcomes, app.state.rates = bell, outcomes, rates
    app.state.downloads = Downloads(settings.http_downloads)
    app.state.uploads = Uploads(settings.smtp_message_bytes)
    app.state.photos = Photos()
    app.state.services = _services(settings, database, intake)
    app.state.probe = health.Probe(app.state.services)
    yield
    await intake.close()
    await outcomes.stop()
    await rates.stop()
    bell.close()
    database.close()


def _services(settings: Settings, database: Database, intake: Intake) -> Services:
    keyring = Keyring.from_setting(settings.require("secret_key"))
    return Services(
        database,
        keyring,
        Credentials(database, keyring),
        intake,
        Pace.of(settings),
        AddressScheme(settings.reply_domain, settings.own_mailbox),
        SsrfGuard(settings.webhook_allow_private),
        Links(keyring, settings.base_url, settings.file_url_seconds, settings.photos),
    )
