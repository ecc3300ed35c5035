"""Batch: up to ten requests in one, run in order, each with its own answer."""

import logging
from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote, urlencode

import msgspec
from msgspec import Meta
from starlette.types import Message, Scope

from api import idempotency_header, versions, wire
from api.request import Call
from api.routing import route
from api.wire import Answer
from mailtalk.errors import InProgress, Invalid

TAG = "Batch"
PATH = "/batch"
KEPT = "/%:@!$&'()*+,;=~?"  # characters left alone in a path or query, which may already be encoded
PASSED_ON = ("authorization", "prefer", versions.HEADER.lower())
FAILED = 500

log = logging.getLogger(__name__)


class BatchOptions(msgspec.Struct):
    """Options of one operation of a batch."""

    api_version: str | None = None


class BatchOperation(msgspec.Struct, array_like=True):
    """An operation of a batch: `[seq, method, path, payload?, options?]`; the payload of a GET is its query."""

    seq: int | float
    method: Literal["GET", "PUT", "POST", "PATCH", "DELETE"]
    path: Annotated[str, Meta(pattern="^/", max_length=8_000)]
    payload: Any = None
    options: BatchOptions | None = None

    @property
    def where(self) -> str:
        """Path, percent-encoded."""
        return quote(self.path.partition("?")[0].rstrip("/"), safe=KEPT)

    @property
    def query(self) -> str:
        """Query: that of the path, then a GET's payload."""
        asked = urlencode({name: _plain(value) for name, value in self.payload.items()}) if self._asks else ""
        return "&".join(filter(None, (quote(self.path.partition("?")[2], safe=KEPT), asked)))

    @property
    def body(self) -> bytes:
        """Body: the payload as JSON; empty for a GET."""
        return b"" if self.payload is None or self.method == "GET" else msgspec.json.encode(self.payload)

    @property
    def _asks(self) -> bool:
        return self.method == "GET" and self.payload is not None


class BatchResult(msgspec.Struct, array_like=True):
    """The answer of one operation of a batch: `[seq, status, body]`."""

    seq: float
    status: int
    body: Any


BatchOperations = Annotated[list[BatchOperation], Meta(max_length=10)]


@route("POST", PATH, TAG)
async def batch(call: Call, body: BatchOperations) -> Answer[list[BatchResult]]:
    """Run up to 10 requests in one.

    Each is `[seq, method, path, payload, options]`, with the path after `/v1/{appId}`; the payload of a GET is its
    query. They run one after the other; the answer holds a `[seq, status, body]` for each.
    """
    # Each operation's Idempotency-Key is derived from the batch's: a repeat runs only what was left undone.
    _check(body)
    first = await call.recall()
    if first is not None:
        return first
    results = [await _result(call, i, operation) for i, operation in enumerate(body)]
    return wire.reply(results) if any(map(_unfinished, results)) else await call.commit(lambda _session: results)


def _check(operations: Iterable[BatchOperation]) -> None:
    for i, operation in enumerate(operations):
        if unquote(operation.where) == PATH:
            raise Invalid({f"{i}.path": ["a batch holds no batch"]})
        if operation.method == "GET" and not _is_query(operation.payload):
            raise Invalid({f"{i}.payload": ["of a GET is its query: an object of strings, numbers and booleans"]})


def _is_query(payload: object) -> bool:
    values = payload.values() if isinstance(payload, dict) else () if payload is None else [None]
    return all(isinstance(value, str | int | float) for value in values)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unfinished(result: BatchResult) -> bool:
    return result.status >= FAILED or InProgress.code.encode() in bytes(result.body)[:100]


async def _result(call: Call, i: int, operation: BatchOperation) -> BatchResult:
    exchange = _Exchange(operation.body)
    try:
        await call.request.app(_scope(call, i, operation), exchange.receive, exchange.send)
    except Exception:
        log.exception("an operation of a batch failed")  # already answered: Starlette sends its 500, then raises
    return BatchResult(operation.seq, exchange.status, msgspec.Raw(bytes(exchange.answer) or b"{}"))


def _scope(call: Call, i: int, operation: BatchOperation) -> Scope:
    outer = call.request.scope
    path = outer["path"].removesuffix(PATH) + operation.where
    return {
        **{name: outer[name] for name in ("type", "asgi", "http_version", "scheme", "client", "server", "root_path")},
        "method": operation.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": operation.query.encode(),
        "headers": [
            (name.lower().encode(), text.encode("latin-1", "replace")) for name, text in _headers(call, i, operation)
        ],
    }


def _headers(call: Call, i: int, operation: BatchOperation) -> Iterable[tuple[str, str]]:
    headers = {name: call.request.headers[name] for name in PASSED_ON if name in call.request.headers}
    if operation.options is not None and operation.options.api_version is not None:
        headers[versions.HEADER.lower()] = operation.options.api_version
    if call.claim is not None:
        headers[idempotency_header.HEADER] = f"{sha256(call.claim.key.encode()).hexdigest()}/{i}"
    return headers.items()


class _Exchange:
    """ASGI receive and send of a request without a socket."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.status, self.answer = FAILED, bytearray()

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.answer += message.get("body", b"")
