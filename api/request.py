"""Authenticated request: its app, version, body and Idempotency-Key, and its transactions."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api import body, idempotency_header, versions, wire
from api.auth import Credentials, Tenant
from api.intake import Intake
from api.rate_limits import Kind, RateLimits
from api.schemas.types import Empty
from api.versions import Version
from api.wire import Answer
from mailtalk import hosts
from mailtalk.changes.idempotency import Claim
from mailtalk.changes.log import Requested
from mailtalk.db.database import Database
from mailtalk.db.group_commit import DEADLINE, in_time
from mailtalk.errors import Invalid, NotFound, TooLarge, Unauthorized
from mailtalk.files import Links
from mailtalk.ids import ConversationKey, ParticipantKey
from mailtalk.keys import Keyring
from mailtalk.mail.address import AddressScheme
from mailtalk.notifications.windows import Pace
from mailtalk.webhooks.ssrf import SsrfGuard

BODY_LIMIT = 1_000_000  # bytes
GZIP = ("gzip", "x-gzip")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Services:
    """Services that the process made at startup."""

    database: Database
    keyring: Keyring
    credentials: Credentials
    intake: Intake
    pace: Pace
    scheme: AddressScheme
    guard: SsrfGuard
    links: Links

    async def transact(self, verb: Callable[[Session], Result], seconds: float = DEADLINE) -> Result:
        """Call a verb in a transaction of its own, off the event loop. Unavailable after `seconds`."""

        def work() -> Result:
            with self.database.transaction() as session:
                return verb(session)

        return await in_time(run_in_threadpool(work), seconds)


@dataclass(frozen=True, slots=True)
class Call:
    """Authenticated request of an app."""

    request: Request
    services: Services
    tenant: Tenant
    version: Version
    raw: bytes
    claim: Claim | None

    @property
    def app_id(self) -> str:
        """App of the credential."""
        return self.tenant.id

    @property
    def user_id(self) -> str:
        """User in the path."""
        return self.id("userId")

    @property
    def conversation_key(self) -> ConversationKey:
        """Conversation in the path."""
        return ConversationKey(self.app_id, self.id("conversationId"))

    @property
    def participant_key(self) -> ParticipantKey:
        """Participant in the path."""
        return ParticipantKey(self.conversation_key, self.id("userId"))

    @property
    def prefer(self) -> str:
        """Value of Prefer (RFC 7240); repeated headers are joined."""
        return ", ".join(self.request.headers.getlist("prefer"))

    def count(self, kind: Kind, amount: int) -> None:
        """Count messages or joins of the app. TooMany if its limit is reached."""
        rates: RateLimits = self.request.app.state.rates
        rates.count(self.app_id, kind, amount)

    def id(self, name: str) -> str:
        """Id from the path. Invalid for a malformed one."""
        return wire.path_value(name, self.request.path_params[name])

    async def commit(self, verb: Callable[[Session], Result]) -> Answer[Result]:
        """Call a verb that changes something, once for each Idempotency-Key; its result is the answer (None: {})."""
        commit = partial(idempotency_header.commit, self.services.database, self.claim, verb)
        return await in_time(run_in_threadpool(commit))

    async def commit_changes(self, requested: Sequence[Requested], verb: Callable[[Session], object]) -> Answer[Empty]:
        """Like `commit`, with changes of participation in the same transaction; their outcome is the answer."""
        commit = partial(idempotency_header.commit_changes, self.services.database, self.claim, requested, verb)
        return await self.services.intake.follow(requested, await in_time(run_in_threadpool(commit)), self.prefer)

    async def recall(self) -> Answer[Any] | None:
        """Answer to the first request with this Idempotency-Key; None if this is the first."""
        if self.claim is None:
            return None
        return await in_time(run_in_threadpool(idempotency_header.recall, self.services.database, self.claim))


async def authenticated(request: Request, *, streams: bool = False) -> Call:
    """Authenticate a request and read its body, unless its handler streams it, and makes the claim of its key.

    Raises Unauthorized, NotFound for another app's path, Invalid for an unknown version.
    """
    services: Services = request.app.state.services
    rates: RateLimits = request.app.state.rates
    tenant = await _tenant(request, services.credentials, rates)
    if wire.path_value("appId", request.path_params["appId"]) != tenant.id:
        raise NotFound(["not found"])
    name = request.headers.get(versions.HEADER, tenant.default_version)
    version = versions.VERSIONS.get(name)
    if version is None:
        raise Invalid({versions.HEADER: [f"must be one of {', '.join(versions.VERSIONS)}"]})
    rates.count(tenant.id, "requests")
    raw = b"" if streams or request.method in idempotency_header.READING else await _read(request)
    claim = None if streams else idempotency_header.claim(request, tenant.id, version.name, raw)
    return Call(request, services, tenant, version, raw, claim)


async def _tenant(request: Request, credentials: Credentials, rates: RateLimits) -> Tenant:
    """App of the credential; many wrong ones from one host are slowed down."""
    authorization = request.headers.get("authorization")
    tenant = credentials.known(authorization)
    if tenant is not None:
        return tenant
    host = hosts.key(request.client and request.client.host)
    rates.admit_credential(host)
    try:
        return await credentials.tenant(authorization)
    except Unauthorized:
        await rates.count_wrong_credential(host)
        raise


async def _read(request: Request) -> bytes:
    if request.headers.get("content-encoding", "") not in {"", "identity", *GZIP}:
        raise HTTPException(415, "Content-Encoding must be gzip or identity")
    raw = await body.whole(request, BODY_LIMIT, _too_large())
    return _unzipped(raw) if request.headers.get("content-encoding", "") in GZIP else raw


def _unzipped(raw: bytes) -> bytes:
    try:
        body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, BODY_LIMIT + 1)  # 16: expect gzip's header
    except zlib.error:
        raise Invalid({"body": ["is not gzip"]}) from None
    if len(body) > BODY_LIMIT:
        raise _too_large()
    return body


def _too_large() -> TooLarge:
    return TooLarge({"body": [f"is larger than {BODY_LIMIT} bytes"]})
