"""Collectors on real sockets: of traces by OTLP over HTTP, and of Sentry's envelopes."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was posted: (path, body), unzipped."""

    url: str
    posts: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def spans(self) -> list["ReceivedSpan"]:
        """Spans of all requests to the traces' path."""
        return [span for path, body in list(self.posts) if path == "/v1/traces" for span in _spans(body)]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Events of all envelopes: lines of JSON, of which each second one is an item's header."""
        lines = [body.split(b"\n") for path, body in list(self.posts) if path.endswith("/envelope/")]
        return [json.loads(each[2]) for each in lines if json.loads(each[1])["type"] == "event"]


@dataclass(frozen=True)
class ReceivedSpan:
    """A span, with its service."""

    service: str
    span: Span

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace(self) -> str:
        return self.span.trace_id.hex()

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()

    @property
    def values(self) -> dict[str, str]:
        return {each.key: each.value.string_value or str(each.value.int_value) for each in self.span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            collector.posts.append((self.path, gzip.decompress(body) if zipped else body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _spans(body: bytes) -> Iterator[ReceivedSpan]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        names = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield ReceivedSpan(names["service.name"], span)
