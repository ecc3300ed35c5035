"""The ASGI application: the routes, and what is made at the process's start."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api import (
    addresses,
    batch,
    bulk,
    changes,
    conversations,
    errors,
    files,
    health,
    history,
    inbound,
    messages,
    notifications,
    participants,
    read_state,
    users,
    webhooks,
)
from api.auth import Credentials
from api.intake import Intake
from api.openapi import page
from api.pages import release
from api.pages import routes as pages
from api.request import Call, Endpoint, Services, endpoint
from api.waiting import Outcomes
from mailtalk.db.database import Database
from mailtalk.files import Links
from mailtalk.keys import Keyring
from mailtalk.notifications.windows import Pace
from mailtalk.settings.load import Settings
from mailtalk.webhooks.ssrf import SsrfGuard
from worker.bell import Bell

CONVERSATION = "/conversations/{conversationId}"
MESSAGE = CONVERSATION + "/messages/{messageId}"
PARTICIPANTS = CONVERSATION + "/participants"
PARTICIPANT = PARTICIPANTS + "/{userId}"
WEBHOOK = "/webhooks/{webhookId}"
ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("PUT", "/users", users.put_many),
    ("GET", "/users", users.listed),
    ("GET", "/users/{userId}/conversations", conversations.of_user),
    ("GET", "/conversations", conversations.listed),
    ("DELETE", CONVERSATION, conversations.delete),
    ("PUT", "/users/{userId}", users.put),
    ("GET", "/users/{userId}", users.get),
    ("PUT", CONVERSATION, conversations.put),
    ("GET", CONVERSATION, conversations.get),
    ("PUT", PARTICIPANT, participants.put),
    ("PATCH", PARTICIPANT, participants.patch),
    ("DELETE", PARTICIPANT, participants.delete),
    ("GET", PARTICIPANT, participants.get),
    ("GET", PARTICIPANTS, participants.listed),
    ("POST", PARTICIPANTS, bulk.post),
    ("GET", PARTICIPANT + "/email", addresses.get),
    ("POST", PARTICIPANT + "/email/rotate", addresses.rotate),
    ("GET", PARTICIPANT + "/notifications", notifications.listed),
    ("POST", CONVERSATION + "/messages", messages.post),
    ("GET", CONVERSATION + "/messages", messages.listed),
    ("GET", MESSAGE, messages.get),
    ("PUT", MESSAGE, messages.put),
    ("DELETE", MESSAGE, messages.delete),
    ("POST", CONVERSATION + "/readBy/{userId}", read_state.post),
    ("PATCH", "/users/{userId}/conversations/{conversationId}", read_state.patch),
    ("POST", "/import" + CONVERSATION + "/messages", history.post),
    ("POST", batch.PATH, batch.post),
    ("GET", "/webhooks", webhooks.listed),
    ("PUT", WEBHOOK, webhooks.put),
    ("GET", WEBHOOK, webhooks.get),
    ("DELETE", WEBHOOK, webhooks.delete),
    ("POST", WEBHOOK + "/rotate-secret", webhooks.rotate),
    ("GET", WEBHOOK + "/deliveries", webhooks.deliveries),
    ("POST", WEBHOOK + "/replay", webhooks.replay),
    ("POST", WEBHOOK + "/test", webhooks.test),
    ("GET", "/changes", changes.listed),
    ("GET", "/changes/{changeId}", changes.get),
    ("GET", "/inbound-mails", inbound.listed),
    ("GET", "/inbound-mails/{mailId}", inbound.get),
    ("POST", "/inbound-mails/{mailId}/replay", inbound.replay),
    ("POST", "/inbound-mails/{mailId}/release", inbound.release),
)


class QuotedPath:
    """Routes match the path as it was sent, so that an id may hold a slash; a trailing slash is dropped."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path of HTTP requests."""
        if scope["type"] == "http":
            path = scope["raw_path"].decode("latin-1").partition("?")[0]
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


def build(settings: Settings) -> ASGIApp:
    """The application for these settings."""
    database = Database(settings.require("database_url"), pool=32)
    keyring = Keyring.from_setting(settings.require("secret_key"))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        bell = Bell(settings)
        outcomes = Outcomes(database, settings.require("redis_url"))
        intake = Intake(database, bell, outcomes, settings.wait_seconds)
        outcomes.start()
        app.state.database, app.state.outcomes = database, outcomes
        app.state.services = Services(
            database,
            keyring,
            Credentials(database, keyring),
            intake,
            Pace.of(settings),
            settings.reply_domain,
            SsrfGuard(settings.webhook_allow_private),
            Links(keyring, settings.base_url, settings.file_url_seconds),
        )
        yield
        await intake.close()
        await outcomes.stop()
        bell.close()
        database.close()

    return QuotedPath(
        Starlette(routes=_routes(settings.base_url), lifespan=lifespan, exception_handlers=errors.HANDLERS)
    )


def _routes(base_url: str) -> list[Route]:
    """One route a path, so that a 405 says in Allow all that the path knows."""
    handlers: dict[str, dict[str, Endpoint]] = {}
    for method, path, handler in ENDPOINTS:
        handlers.setdefault(path, {})[method] = handler
    served = [
        Route(f"/v1/{{appId}}{path}", endpoint(_chosen(of_path)), methods=list(of_path))
        for path, of_path in handlers.items()
    ]
    return [
        Route("/healthz", health.live, methods=["GET"]),
        Route("/readyz", health.ready, methods=["GET"]),
        Route(files.PATH, files.get, methods=["GET"]),
        *page.routes(base_url),
        *pages.routes(),
        *release.ROUTES,
        *served,
    ]


def _chosen(handlers: dict[str, Endpoint]) -> Endpoint:
    async def answer(call: Call) -> object:
        method = call.request.method
        return await handlers["GET" if method == "HEAD" else method](call)

    return answer
