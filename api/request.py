"""A call: an authenticated request of an app, with what its endpoint needs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api import idempotency, versions, wire
from api.auth import Credentials, Tenant
from api.intake import Intake
from api.versions import Version
from mailtalk.changes.idempotency import Claim
from mailtalk.changes.log import Requested
from mailtalk.db.database import Database
from mailtalk.db.group_commit import in_time
from mailtalk.errors import Invalid, NotFound, TooLarge
from mailtalk.files import Links
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.keys import Keyring
from mailtalk.notifications.windows import Pace
from mailtalk.webhooks.ssrf import SsrfGuard

BODY_LIMIT = 1_000_000  # bytes
LIMIT, LIMIT_MOST = 10, 100

Shape = TypeVar("Shape")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Services:
    """What the process made at its start."""

    database: Database
    keyring: Keyring
    credentials: Credentials
    intake: Intake
    pace: Pace
    reply_domain: str
    guard: SsrfGuard
    links: Links

    async def transact(self, verb: Callable[..., Result], *args: Any) -> Result:
        """Call a verb in a transaction of its own, off the event loop, and wait in bounded time."""
        return await in_time(run_in_threadpool(partial(self._transact, verb, *args)))

    def _transact(self, verb: Callable[..., Result], *args: Any) -> Result:
        with self.database.transaction() as session:
            return verb(session, *args)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of one app."""

    request: Request
    services: Services
    tenant: Tenant
    version: Version
    raw: bytes
    claim: Claim | None

    @property
    def app_id(self) -> str:
        """The app that the credential decided."""
        return self.tenant.id

    def id(self, name: str) -> str:
        """An id from the path, by its name on the wire."""
        return wire.path_value(name, self.request.path_params[name])

    @property
    def conversation_key(self) -> ConversationKey:
        """The conversation of the path."""
        return ConversationKey(self.app_id, self.id("conversationId"))

    @property
    def participant_key(self) -> ParticipantKey:
        """The participant of the path."""
        return ParticipantKey(self.conversation_key, self.id("userId"))

    @property
    def prefer(self) -> str:
        """What the client prefers (RFC 7240); the header may come more than once."""
        return ", ".join(self.request.headers.getlist("prefer"))

    async def body(self, shape: type[Shape]) -> Shape:
        """The body as its shape; Invalid names the wrong field."""
        return wire.decode(self.raw, shape)

    async def transact(self, verb: Callable[..., Result], *args: Any) -> Result:
        """Call a domain verb in a transaction of its own, off the event loop."""
        return await self.services.transact(verb, *args)

    async def commit(self, verb: Callable[..., object], *args: Any) -> Response:
        """Call a verb that changes something, once for each Idempotency-Key; its result is the answer, None is {}."""
        work = partial(_bound, verb, args)
        commit = partial(idempotency.commit, self.services.database, self.claim, work)
        return await in_time(run_in_threadpool(commit))

    async def recall(self) -> Response | None:
        """The answer to the first request with this Idempotency-Key; None when this is the first."""
        if self.claim is None:
            return None
        return await in_time(run_in_threadpool(idempotency.recall, self.services.database, self.claim))

    async def commit_changes(self, asked: Sequence[Requested], verb: Callable[..., object], *args: Any) -> Response:
        """Like `commit`, with changes of participation in the same transaction, whose outcome is the answer."""
        work = partial(_bound, verb, args)
        commit = partial(idempotency.commit_changes, self.services.database, self.claim, asked, work)
        return await self.services.intake.follow(asked, await in_time(run_in_threadpool(commit)), self.prefer)

    def query_id(self, name: str) -> str | None:
        """An id from the query; None when it is not there."""
        value = self.request.query_params.get(name)
        return None if value is None else wire.checked_id(name, value)

    def page_limit(self) -> int:
        """How many items a list gives; never clamped, because a short page means the end."""
        text = self.request.query_params.get("limit", str(LIMIT))
        if not (text.isascii() and text.isdecimal()) or len(text) > 3 or not 1 <= int(text) <= LIMIT_MOST:  # noqa: PLR2004  int() takes 4,300
            raise Invalid({"limit": [f"must be a whole number from 1 to {LIMIT_MOST}"]})
        return int(text)


Endpoint = Callable[[Call], Awaitable[object]]


def endpoint(handler: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """A Starlette endpoint of a handler that takes a Call and gives a Response, or what stands in a 200."""

    async def answer(request: Request) -> Response:
        result = await handler(await _call(request))
        return result if isinstance(result, Response) else wire.reply(result)

    return answer


async def _call(request: Request) -> Call:
    services: Services = request.app.state.services
    tenant = await services.credentials.tenant(request.headers.get("authorization"))
    if wire.path_value("appId", request.path_params["appId"]) != tenant.id:
        raise NotFound(["no such thing"])
    name = request.headers.get(versions.HEADER, tenant.default_version)
    version = versions.VERSIONS.get(name)
    if version is None:
        raise Invalid({versions.HEADER: [f"must be one of {', '.join(versions.VERSIONS)}"]})
    raw = b"" if request.method in idempotency.READING else await _read(request)
    return Call(request, services, tenant, version, raw, idempotency.claim(request, tenant.id, version.name, raw))


async def _read(request: Request) -> bytes:
    raw = bytearray()
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > BODY_LIMIT:
                raise TooLarge({"body": [f"is larger than {BODY_LIMIT} bytes"]})
    except ClientDisconnect:
        raise Invalid({"body": ["was cut off"]}) from None  # nobody hears it, and it is no defect of ours
    return bytes(raw)


def _bound(verb: Callable[..., object], args: Sequence[Any], session: Session) -> object:
    return verb(session, *args)
