"""Traces by OpenTelemetry (the extra `otel`): spans of requests, applied changes, made mails and attempts to send them.

The worker's spans are children of the request whose origin was kept with the change or the message. They are recorded
when the work has ended, with its times, and name our own ids, never a person, an address or a text.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy.orm import Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import response_start
from api.measure import route_of
from api.request_id import request_id
from mailtalk import clock
from mailtalk.changes.log import Ended
from mailtalk.db import origins
from mailtalk.db.database import Database
from mailtalk.db.origins import Origin
from mailtalk.errors import Unavailable
from mailtalk.ids import CHANGE
from mailtalk.outbound import mail_origins
from mailtalk.outbound.deliveries import ClaimedDelivery
from mailtalk.outbound.mail_origins import MailOrigin
from mailtalk.outbound.smtp_replies import SendResult
from mailtalk.vocabulary import ChangeStatus, Stage
from worker import tracing

EPOCH, MICROSECOND = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)
SERVER_ERRORS = 500
GOOD = {Stage.SENT, Stage.CAPTURED}
Attributes = dict[str, str | int]

log = logging.getLogger(__name__)
_context = TraceContextTextMapPropagator()


def start(process: str) -> None:
    """Trace this process; where to send spans, their sampling and resource come from OTEL_* variables."""
    name = {} if "OTEL_SERVICE_NAME" in os.environ else {SERVICE_NAME: f"mailtalk-{process}"}
    provider = TracerProvider(resource=Resource.create(name))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracing.active = Traces(provider.get_tracer("mailtalk"))


class Traces:
    """Spans of a process, made with its tracer."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def requests(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application, so that each request is a span and the origin of what it asks for."""
        return TracedRequests(app, self._tracer)

    def changes(self, database: Database, ended: Sequence[Ended], began: datetime) -> None:
        """Record changes that have an origin."""
        keys = [(change.app_id, CHANGE.show(change.id)) for change in ended]
        try:
            with database.transaction() as session:
                known = origins.of(session, keys)
        except Unavailable:
            return  # they are applied, and only not traced
        for key, change in zip(keys, ended, strict=True):
            if origin := known.get(key):
                about = _about(change.app_id, origin)
                about |= {"mailtalk.change.id": key[1], "mailtalk.change.status": change.status}
                span = self._span("apply change", _parent(origin), began, about)
                _end(span, clock.now(), is_good=change.status is not ChangeStatus.FAILED)

    def mail_origins(self, session: Session, claimed: Sequence[ClaimedDelivery]) -> Mapping[UUID, MailOrigin]:
        """Origins of claimed deliveries, by id."""
        return mail_origins.read(session, claimed)

    def sent(self, delivery: ClaimedDelivery, origin: MailOrigin, began: datetime, result: SendResult) -> None:
        """Record an attempt to send a mail, and at the first one how the mail came to be."""
        about = _about(delivery.app_id, origin.origin) | {"mailtalk.delivery.id": str(delivery.id)}
        parent = _parent(origin.origin)
        if delivery.attempts == 1:
            made = self._span("make mail", parent, origin.since, about, origin.others)
            _end(made, delivery.created_at, is_good=True)
            parent = trace.set_span_in_context(made)
        about |= {"mailtalk.stage": result.stage, "mailtalk.attempt": delivery.attempts}
        if result.reply:
            about |= {"smtp.verb": result.reply.verb, "smtp.code": result.reply.code}
        _end(self._span("send mail", parent, began, about), clock.now(), is_good=result.stage in GOOD)

    def _span(
        self, name: str, parent: Context, start: datetime, about: Attributes, others: Sequence[Origin] = ()
    ) -> Span:
        links = [Link(trace.get_current_span(_parent(other)).get_span_context()) for other in others]
        return self._tracer.start_span(
            name, parent, kind=SpanKind.CONSUMER, attributes=about, links=links, start_time=_nanoseconds(start)
        )


class TracedRequests:
    """ASGI middleware that makes a span of each request, in the client's trace if it sends a traceparent."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and record it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        span = self._tracer.start_span(scope["method"], _client(scope), SpanKind.SERVER)
        origins.current.set(_origin(span))

        def describe(start: Message) -> None:
            _describe(span, scope, start["status"])

        try:
            await self._app(scope, receive, response_start.noticed(send, describe))
        finally:
            span.end()


def _client(scope: Scope) -> Context:
    """Trace context of a request's headers."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return _context.extract(headers)


def _origin(span: Span) -> Origin | None:
    """Origin of what a request asks for; None if its trace is not sampled."""
    if not span.get_span_context().trace_flags.sampled:
        return None
    carrier: dict[str, str] = {}
    _context.inject(carrier, trace.set_span_in_context(span))
    return Origin(carrier["traceparent"], request_id.get())


def _describe(span: Span, scope: Scope, status: int) -> None:
    route = route_of(scope)
    span.update_name(f"{scope['method']} {route}")
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("mailtalk.request.id", request_id.get() or "")
    if status >= SERVER_ERRORS:
        span.set_status(StatusCode.ERROR)


def _parent(origin: Origin) -> Context:
    return _context.extract({"traceparent": origin.traceparent}, Context())


def _about(app_id: str, origin: Origin) -> Attributes:
    return {"mailtalk.app.id": app_id, "mailtalk.request.id": origin.request_id or ""}


def _end(span: Span, at: datetime, *, is_good: bool) -> None:
    if not is_good:
        span.set_status(StatusCode.ERROR)
    span.end(_nanoseconds(at))


def _nanoseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND * 1000
