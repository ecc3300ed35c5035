"""`@route` declares a handler's method, path, parameters and errors; routes and OpenAPI document are made from it.

A plain function takes the session first and is one transaction: a GET reads, every other method commits once for each
Idempotency-Key. A coroutine function manages its own transactions. Both take the `call` (the request) and, if they
name them, the `body`, decoded to its annotation, and the `query`, a Struct of the parameters. The docstring is the
operation's summary and description; the name is its operationId.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import wire
from api.idempotency_header import READING
from api.rate_limits import Kind
from api.request import authenticated
from api.schemas.types import Empty
from api.wire import Answer
from mailtalk.errors import ErrorCode

APP = "/v1/{appId}"
JSON = "application/json"
MULTIPART = "multipart/form-data"
Handler = TypeVar("Handler", bound=Callable[..., Any])
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Operation of the API: a method and path, the handler, and what its signature does not say."""

    method: str
    path: str  # relative to the app, unless open
    tag: str
    handler: Callable[..., Any]
    missing: Sequence[ErrorCode] = ()  # in its 404
    conflict: str = "InProgress"  # the document's response for its 409
    is_change: bool = False  # takes changes of participation: durable, then applied by a worker
    counts: Kind | None = None  # what a rate limit counts in a request
    is_open: bool = False  # without a credential
    takes_range: bool = False  # answers a Range of its content
    takes_prefer: bool = False  # also for more than a single change
    media: str = JSON
    streams: bool = False  # reads its body itself
    body_media: str = JSON
    body_schema: Any = None  # describes a body that the handler decodes itself
    query_schema: type[msgspec.Struct] | None = None  # likewise a query

    @property
    def name(self) -> str:
        """operationId: the handler's name in camel case."""
        return re.sub("_(.)", lambda match: match[1].upper(), self.handler.__name__)

    @property
    def url(self) -> str:
        """Full path."""
        return self.path if self.is_open else APP + self.path

    @property
    def body(self) -> Any:
        """Type of the body; None if there is none."""
        return self.body_schema or self._hints.get("body")

    @property
    def needs_body(self) -> bool:
        """False if {} is a valid body."""
        is_struct = isinstance(self.body, type) and issubclass(self.body, msgspec.Struct)
        return not is_struct or any(field.required for field in msgspec.structs.fields(self.body))

    @property
    def query(self) -> type[msgspec.Struct] | None:
        """Struct of the query; None if there is none."""
        return self.query_schema or self._hints.get("query")

    @property
    def answer(self) -> Any:
        """Type of a 200's content."""
        answer = self._hints["return"]
        answer = get_args(answer)[0] if get_origin(answer) is Answer else answer
        return Empty if answer is type(None) else answer

    @property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.handler, include_extras=True)


_OPERATIONS: list[Operation] = []


def route(method: str, path: str, tag: str, **more: Any) -> Callable[[Handler], Handler]:
    """Register a handler for a method and path; `more` are other fields of Operation."""

    def mark(handler: Handler) -> Handler:
        _OPERATIONS.append(Operation(method=method, path=path, tag=tag, handler=handler, **more))
        return handler

    return mark


def of(modules: Sequence[ModuleType]) -> list[Operation]:
    """Operations of these modules, in their order."""
    names = [module.__name__ for module in modules]
    return sorted(
        (operation for operation in _OPERATIONS if operation.handler.__module__ in names),
        key=lambda operation: names.index(operation.handler.__module__),
    )


def routes(operations: Sequence[Operation]) -> list[Route]:
    """Make one route for each path, so that a 405's Allow header names all of its methods."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        by_path.setdefault(operation.url, {})[operation.method] = _endpoint(operation)
    return [Route(path, _by_method(endpoints), methods=list(endpoints)) for path, endpoints in by_path.items()]


def _by_method(endpoints: dict[str, Endpoint]) -> Endpoint:
    async def respond(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return respond


def _amount(body: Any) -> int:
    """Number of items in a request's body."""
    items = getattr(body, "actions", body)
    return max(len(items), 1) if isinstance(items, (list, tuple)) else 1


def _endpoint(operation: Operation) -> Endpoint:
    if operation.is_open:
        return operation.handler
    hints = get_type_hints(operation.handler, include_extras=True)
    body, query = hints.get("body"), hints.get("query")
    is_coroutine = inspect.iscoroutinefunction(operation.handler)

    async def respond(request: Request) -> Response:
        call = await authenticated(request, streams=operation.streams)
        given = {
            "call": call,
            **({"body": wire.decode(call.raw, body)} if body is not None else {}),
            **({"query": wire.query(request.query_params, query)} if query is not None else {}),
        }
        if operation.counts:
            call.count(operation.counts, _amount(given.get("body")))
        verb = partial(operation.handler, **given)
        if is_coroutine:
            result = await verb()
            return result if isinstance(result, Response) else wire.reply(result)
        if operation.method in READING:
            return wire.reply(await call.services.transact(verb))
        return await call.commit(verb)

    return respond
